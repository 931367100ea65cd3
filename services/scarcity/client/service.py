"""Runs the clients of a process over a broker: one producer, one reader, many clients.

No consumer group and no disk: what a client must remember lies in the topics it wrote itself
(docs/decisions/0006-client-state-lives-in-the-log.md), so any machine can go on with its name.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import time_ns

from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from scarcity.broker.protocol import Broker
from scarcity.client.core import ClientGroup
from scarcity.client.gossip_host import GossipHost
from scarcity.client.peer_keys import public_texts
from scarcity.client.settings import Pacing
from scarcity.client.signing import Signing
from scarcity.client.sum_host import SumHost
from scarcity.client.tracing import ClientTraces, TracedView
from scarcity.client.versions import Version
from scarcity.client.view import DomainView
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json
from scarcity.events.errors import BrokerError, EventError, ServiceError
from scarcity.events.topics import CLIENTS
from scarcity.events.types import Outgoing, Record
from scarcity.keys.gossip_keys import GossipKeys, keys_of_process
from scarcity.keys.record_signing import Identity, RecordVerifier
from scarcity.telemetry.json_lines import about
from scarcity.telemetry.spans import Spans

logger = logging.getLogger(__name__)

RETRY_S = 2.0
ROUNDS_BETWEEN_REMARKS = 20


async def follow_view(
    broker: Broker,
    view: DomainView | TracedView,
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
        # A message is judged by its sender's registration, which was written before it.
        for record in sorted(batch, key=lambda r: r.position.topic != CLIENTS):
            try:
                view.apply(record)
            except EventError as error:
                told = about(record.position, headers=record.headers)
                logger.warning("%s passed over: %s", record.position, error, extra=told)
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
        keys: for gossip, of each client; None: made for this process, and gone with it.
        verifier: by the operators' keys; None: peers' keys are taken as the broker shows them.
        identities: by client; None: nothing is signed.
        spans: records traces of insights; None: no traces.
    """

    def __init__(
        self,
        broker: Broker,
        group: ClientGroup,
        pacing: Pacing,
        *,
        now_ms: Callable[[], int],
        keys: Mapping[str, GossipKeys] | None = None,
        verifier: RecordVerifier | None = None,
        identities: Mapping[str, Identity] | None = None,
        spans: Spans | None = None,
    ) -> None:
        self._broker = broker
        self._group = group
        self._pacing = pacing
        self._now_ms = now_ms
        self._view = DomainView(group.profile.domain, frozenset(group.client_ids))
        self._caught_up = asyncio.Event()
        self._to_train = asyncio.Event()
        # A thread may be computing with the group while a newer profile arrives.
        self._group_lock = asyncio.Lock()
        self._insights = 0
        self._traces = ClientTraces(spans)
        self._signing = Signing(identities or {})
        self._keys = keys or keys_of_process(group.client_ids)
        self._gossip = GossipHost(
            group,
            self._view,
            self._group_lock,
            self._publish,
            self._register,
            keys=self._keys,
            verifier=verifier,
            wait_s=pacing.gossip_wait_s,
            now_ms=now_ms,
        )
        self._sums = SumHost(
            broker, group, self._view, self._group_lock, self._publish, pacing,
            signing=self._signing, verifier=verifier,
        )  # fmt: skip

    @property
    def view(self) -> DomainView:
        """What these clients know of their domain."""
        return self._view

    @property
    def is_ready(self) -> bool:
        """Whether they have read what was there when they came."""
        return self._caught_up.is_set()

    async def run(self) -> None:
        """Join the domain, then follow, train and trade until cancelled.

        Raises:
            ServiceError: the broker refuses, or the domain changed in a way that needs a restart.
        """
        await self._join()
        failed: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                view = TracedView(self._view, self._traces, time_ns)
                tasks.create_task(follow_view(self._broker, view, self._view.topics, self._on_news))
                tasks.create_task(self._train_for_ever())
                tasks.create_task(self._trade_for_ever())
                if self._group.mode == "secagg":
                    tasks.create_task(self._sums.run(self._now_ms))
        except* ServiceError as errors:
            failed = errors.exceptions[0]  # raised here, CPython 3.11.2 would wrap it again
        if failed is not None:
            raise failed from None

    async def _join(self) -> None:
        earlier: dict[str, ClientRegistered] = {}
        for record in await self._broker.read_all(CLIENTS):
            # Before any message is read: those of unknown senders are refused.
            self._take(record)
            key = (record.key or b"").decode(errors="replace")
            if key not in self._group.rows or record.value is None:
                continue
            event = decode_json(record.value, ClientRegistered)
            if event.domain != self._group.profile.domain:
                raise ServiceError(
                    f"client {key!r} is registered in domain {event.domain!r}: choose another --id"
                )
            earlier[key] = event
        registrations = self._group.join(self._now_ms(), earlier)
        for registration in registrations:
            keys = self._keys[registration.client_id].public
            registration.public_key, registration.signing_key = public_texts(keys)
        await self._register(registrations)
        logger.info(
            "domain %s: %d client%s joined, %s; privacy mode %s; gossip %s",
            self._view.domain,
            len(registrations),
            "" if len(registrations) == 1 else "s",
            self._signing.told,
            self._group.mode,
            self._gossip.told,
            extra=about(domain=self._view.domain),
        )
        for line in self._signing.expiring(self._now_ms()):
            logger.warning("%s", line)

    def _take(self, record: Record) -> None:
        try:
            self._view.apply(record)
        except EventError as error:
            logger.debug("%s passed over: %s", record.position, error)

    async def _on_news(self, caught_up: bool) -> None:
        profile = self._view.profile
        if caught_up and profile is not None and profile != self._group.profile:
            async with self._group_lock:
                self._group.take_profile(profile)
                self._gossip.take_profile(profile)
        if caught_up:
            self._caught_up.set()
        self._to_train.set()
        self._gossip.wake()
        self._sums.wake()

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
        since_ns = time_ns()
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
        # A lease must be in the log before what it covers.
        await self._register(published.registrations)
        now_ms = self._now_ms()
        signed = await asyncio.to_thread(self._signing.insights, published.insights, now_ms)
        records, spans = self._traces.begin(signed, version.number, since_ns)
        await self._publish(*records)
        self._traces.end(spans, time_ns())
        self._insights += len(published.insights)
        if version.number % ROUNDS_BETWEEN_REMARKS == 0 and published.insights:
            mean = sum(i.avg_loss for i in published.insights) / len(published.insights)
            logger.info(
                "domain %s: version %d, mean loss %.4g, %d insights published",
                version.domain,
                version.number,
                mean,
                self._insights,
                extra=about(domain=version.domain, version=version.number),
            )

    async def _trade_for_ever(self) -> None:
        await self._caught_up.wait()
        await self._gossip.run()

    async def _register(self, registrations: Sequence[ClientRegistered]) -> None:
        await self._publish(*self._signing.registrations(registrations, self._now_ms()))

    async def _publish(self, *outgoing: Outgoing) -> None:
        if outgoing:
            await publish_surely(self._broker, *outgoing)
