"""Runs the clients of a process over a broker: one producer, one reader, many clients.

No consumer group and no disk: what a client must remember lies in the topics it wrote itself
(docs/decisions/0006-client-state-lives-in-the-log.md), so any machine can go on with its name.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from scarcity.broker.protocol import Broker
from scarcity.client.core import ClientGroup
from scarcity.client.gossip_exchange import GossipExchange
from scarcity.client.outgoing import insight_record, registration_record, weights_record
from scarcity.client.settings import Pacing
from scarcity.client.trades import Trades
from scarcity.client.versions import Version
from scarcity.client.view import DomainView
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json
from scarcity.events.errors import BrokerError, EventError, ServiceError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.topics import CLIENTS
from scarcity.events.types import Outgoing

logger = logging.getLogger(__name__)

RETRY_S = 2.0
ROUNDS_BETWEEN_REMARKS = 20


async def follow_view(
    broker: Broker,
    view: DomainView,
    topics: tuple[str, ...],
    on_news: Callable[[bool], Awaitable[None]],
) -> None:
    """Keep ``view`` at the end of the topics, for ever.

    A record that breaks its contract is passed over with a remark: every client of the domain
    reads it, so to park it is the business of the services, not of each client.

    Args:
        on_news: called after each batch; True when all that was there at the start has been read.
    """
    caught_up = False
    async for batch in broker.stream(*topics):
        for record in batch:
            try:
                view.apply(record)
            except EventError as error:
                logger.warning("%s passed over: %s", record.position, error)
        caught_up = caught_up or not batch
        await on_news(caught_up)


async def publish_surely(broker: Broker, *outgoing: Outgoing) -> None:
    """Publish; a broker that is away is waited for. A record may then be there twice.

    Raises:
        BrokerError: the broker refuses for a reason that waiting does not change.
    """
    said = False
    while True:
        try:
            await broker.publish(*outgoing)
        except BrokerError as error:
            if not _may_pass(error.__cause__):
                raise
            if not said:
                logger.warning("%s; trying again until it answers", error)
            said = True
            await asyncio.sleep(RETRY_S)
        else:
            return


def _may_pass(cause: BaseException | None) -> bool:
    if not isinstance(cause, KafkaError) or isinstance(cause, UnknownTopicOrPartitionError):
        return False
    return bool(cause.retriable) or isinstance(cause, KafkaTimeoutError)


class ClientHost:
    """The clients of one domain in this process.

    Args:
        now_ms: unix time, milliseconds.
    """

    def __init__(
        self, broker: Broker, group: ClientGroup, pacing: Pacing, *, now_ms: Callable[[], int]
    ) -> None:
        self._broker = broker
        self._group = group
        self._pacing = pacing
        self._now_ms = now_ms
        self._exchange = GossipExchange(group)
        self._view = DomainView(group.profile.domain, frozenset(group.client_ids))
        self._caught_up = asyncio.Event()
        self._to_train = asyncio.Event()
        self._to_trade = asyncio.Event()
        # A thread may be computing with the group while a newer profile arrives.
        self._group_lock = asyncio.Lock()
        self._insights = 0

    @property
    def view(self) -> DomainView:
        """What these clients know of their domain."""
        return self._view

    async def run(self) -> None:
        """Join the domain, then follow, train and trade until cancelled.

        Raises:
            ServiceError: the broker refuses, or the domain changed in a way that needs a restart.
        """
        await self._join()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    follow_view(self._broker, self._view, self._view.topics, self._on_news)
                )
                tasks.create_task(self._train_for_ever())
                tasks.create_task(self._trade_for_ever())
        except* ServiceError as errors:
            raise errors.exceptions[0] from None

    async def _join(self) -> None:
        earlier: dict[str, ClientRegistered] = {}
        for record in await self._broker.read_all(CLIENTS):
            key = (record.key or b"").decode(errors="replace")
            if key not in self._group.rows or record.value is None:
                continue
            event = decode_json(record.value, ClientRegistered)
            if event.domain != self._group.profile.domain:
                raise ServiceError(
                    f"client {key!r} is registered in domain {event.domain!r}: choose another --id"
                )
            earlier[key] = event
        now_ms = self._now_ms()
        registrations = self._group.join(now_ms, earlier)
        await self._publish(*(registration_record(r, now_ms=now_ms) for r in registrations))
        logger.info(
            "domain %s: %d client%s joined; privacy mode %s",
            self._view.domain,
            len(registrations),
            "" if len(registrations) == 1 else "s",
            self._group.mode,
        )

    async def _on_news(self, caught_up: bool) -> None:
        profile = self._view.profile
        if caught_up and profile is not None and profile != self._group.profile:
            async with self._group_lock:
                self._group.take_profile(profile)
        if caught_up:
            self._caught_up.set()
        self._to_train.set()
        self._to_trade.set()

    async def _train_for_ever(self) -> None:
        await self._caught_up.wait()
        trained: int | None = None
        repeats = 0
        while True:
            self._to_train.clear()
            version = self._view.versions.current
            if version is not None and self._group.is_ready:
                repeats = repeats + 1 if version.number == trained else 0
                await self._train(version, repeats)
                trained = version.number
            elif trained is None and not repeats:
                repeats = 1
                logger.info("domain %s: waiting for meta-parameters", self._view.domain)
            await self._wait_for_version(trained)

    async def _wait_for_version(self, trained: int | None) -> None:
        """Return when there is another version, or after the interval."""
        try:
            async with asyncio.timeout(self._pacing.interval_s):
                while True:
                    await self._to_train.wait()
                    self._to_train.clear()
                    current = self._view.versions.current
                    if current is not None and current.number != trained and self._group.is_ready:
                        return
        except TimeoutError:
            return

    async def _train(self, version: Version, repeats: int) -> None:
        chosen = self._pacing.draw(
            self._group.client_ids, f"{self._now_ms()}/{version.number}/{repeats}"
        )
        async with self._group_lock:
            step = partial(
                self._group.train,
                chosen,
                version,
                self._view.versions.previous,
                created_at=self._now_ms() / 1000,
            )
            published = await asyncio.to_thread(step)
        for clients, what in (
            (published.exhausted, "losses without slopes"),
            (published.silenced, "no insights, and goes on following"),
        ):
            for client in clients:
                spent = self._group.spent_text(client)
                logger.warning(
                    "client %s: its privacy budget is spent (%s): from now on it publishes %s",
                    client,
                    spent,
                    what,
                )
        now_ms = self._now_ms()
        # A lease must be in the log before what it covers.
        await self._publish(
            *(registration_record(r, now_ms=now_ms) for r in published.registrations)
        )
        await self._publish(*(insight_record(i, now_ms=now_ms) for i in published.insights))
        self._insights += len(published.insights)
        if version.number % ROUNDS_BETWEEN_REMARKS == 0 and published.insights:
            mean = sum(i.avg_loss for i in published.insights) / len(published.insights)
            logger.info(
                "domain %s: version %d, mean loss %.4g, %d insights published",
                version.domain,
                version.number,
                mean,
                self._insights,
            )

    async def _trade_for_ever(self) -> None:
        await self._caught_up.wait()
        trades = Trades(self._pacing.gossip_wait_s, self._restore_priors())
        clock = asyncio.get_running_loop().time
        while True:
            self._to_trade.clear()
            version = self._view.versions.current
            if version is not None and self._group.is_ready:
                fresh, waiting = trades.take_up(self._view.plans.values())
                self._say_who_waits(waiting)
                if fresh:
                    trades.offered(await self._offer(fresh, version), clock())
                if ripe := trades.ripe(self._view.heard, clock()):
                    await self._mix(ripe, version)
            try:
                async with asyncio.timeout_at(trades.next_s):
                    await self._to_trade.wait()
            except TimeoutError:
                continue

    def _restore_priors(self) -> dict[str, int]:
        """Go on from the own last messages; returns the last cycle of each client."""
        own = [w for c in self._group.client_ids if (w := self._view.heard.get(c)) is not None]
        for weights in own:
            try:
                self._exchange.restore(weights)
            except EventError as error:
                logger.warning("client %s starts its prior anew: %s", weights.client_id, error)
        return {w.client_id: w.cycle for w in own}

    def _say_who_waits(self, plans: list[GossipPlan]) -> None:
        if len(plans) == 1:
            logger.info("client %s waits for peers: %s", plans[0].client_id, plans[0].reason)
        elif plans:
            logger.info("domain %s: %d clients wait for peers", self._view.domain, len(plans))

    async def _offer(self, plans: list[GossipPlan], version: Version) -> list[GossipPlan]:
        async with self._group_lock:
            offers = await asyncio.to_thread(self._exchange.offer, plans, version)
        now_ms = self._now_ms()
        await self._publish(*(registration_record(r, now_ms=now_ms) for r in offers.registrations))
        await self._publish(*(weights_record(w, now_ms=now_ms) for w in offers.weights))
        if offers.withheld:
            logger.info(
                "domain %s: %d clients keep their priors: no privacy budget for unsealed ones",
                self._view.domain,
                len(offers.withheld),
            )
        return [p for p in plans if p.client_id not in offers.withheld]

    async def _mix(self, plans: list[GossipPlan], version: Version) -> None:
        async with self._group_lock:
            exchanges = await asyncio.to_thread(
                self._exchange.take, plans, version, dict(self._view.heard)
            )
        for exchange in exchanges:
            logger.debug("%s", exchange)

    async def _publish(self, *outgoing: Outgoing) -> None:
        if outgoing:
            await publish_surely(self._broker, *outgoing)
