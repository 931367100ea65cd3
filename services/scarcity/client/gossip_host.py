"""The clients of a process in gossip: they take up plans, offer, wait for their peers, and mix."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from scarcity.client.core import ClientGroup
from scarcity.client.gossip_exchange import GossipExchange
from scarcity.client.gossip_sealing import GroupSealing
from scarcity.client.letterbox import Letterbox, signed
from scarcity.client.outgoing import weights_record
from scarcity.client.peer_keys import PeerKeys
from scarcity.client.refusals import Refusals
from scarcity.client.trades import Trades
from scarcity.client.versions import Version
from scarcity.client.view import DomainView
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights, Refusal
from scarcity.events.types import Outgoing
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.keys.record_signing import RecordVerifier
from scarcity.telemetry.json_lines import about

logger = logging.getLogger(__name__)


class GossipHost:
    """Runs the gossip of a group of clients; the log lies behind ``publish`` and ``register``.

    Args:
        lock: held while the group is computed with.
        publish: writes records; ``register``: writes registrations.
        keys: of each client.
        verifier: by the operators' keys; None: peers' keys are taken as the broker shows them.
        wait_s: how long a client waits for its peers.
    """

    def __init__(
        self,
        group: ClientGroup,
        view: DomainView,
        lock: asyncio.Lock,
        publish: Callable[..., Awaitable[None]],
        register: Callable[[Sequence[ClientRegistered]], Awaitable[None]],
        *,
        keys: Mapping[str, GossipKeys],
        verifier: RecordVerifier | None,
        wait_s: float,
        now_ms: Callable[[], int],
    ) -> None:
        self._group = group
        self._view = view
        self._lock = lock
        self._publish = publish
        self._register = register
        self._keys = keys
        self._wait_s = wait_s
        self._now_ms = now_ms
        self._refusals = Refusals()
        self._peers = PeerKeys(group.profile.domain, keys, verifier)
        self._box = Letterbox(keys, self._peers, self._refusals, sealed=False)
        self._view.letterbox = self._box
        self._exchange = GossipExchange(group, refusals=self._refusals)
        self._news = asyncio.Event()
        self._unreached: set[str] = set()
        self.take_profile(group.profile)

    @property
    def is_sealed(self) -> bool:
        """Whether nothing goes out, or is read, in the clear."""
        return self._box.sealed

    @property
    def told(self) -> str:
        """How priors travel, for people."""
        if not self.is_sealed:
            return "plain: whoever may read its topic reads the priors"
        if self._peers.is_verified:
            return "sealed for peers whose keys the operator's certificates vouch for"
        return "sealed for peers with the keys that the broker shows (no operators' keys are known)"

    def take_profile(self, profile: DomainProfile) -> None:
        """Seal from now on when the domain asks for it; what is sealed stays so until a restart."""
        if self.is_sealed:
            if profile.gossip_encryption == "plain":
                logger.warning(
                    "domain %s asks for plain gossip now: these clients go on sealing theirs, and "
                    "read sealed ones, until they are restarted",
                    profile.domain,
                )
        elif profile.gossip_encryption == "sealed":
            self._exchange.sealing = GroupSealing(self._keys, self._peers)
            self._box.sealed = True
            self._view.heard.clear()

    def wake(self) -> None:
        """There is news in the view."""
        self._news.set()

    async def run(self) -> None:
        """Trade until cancelled; the view must have caught up."""
        trades = Trades(self._wait_s, self._restore())
        clock = asyncio.get_running_loop().time
        while True:
            self._news.clear()
            self._say_refused()
            version = self._view.versions.current
            if version is not None and self._group.is_ready:
                # First, as a fresh plan cuts the cycle before short.
                await self._mix(trades.ripe(self._view.heard, clock()), version)
                fresh, waiting = trades.take_up(self._view.plans.values())
                self._say_who_waits(waiting)
                if fresh:
                    trades.offered(await self._offer(fresh, version), clock())
                    await self._mix(trades.ripe(self._view.heard, clock()), version)
            try:
                async with asyncio.timeout_at(trades.next_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _restore(self) -> dict[str, int]:
        """Go on from the own last messages; returns the last cycle of each client."""
        anew: dict[str, list[str]] = {}
        for client, (weights, is_own) in self._view.told.items():
            try:
                if not is_own:
                    # Somebody else may have written it: what it counts harms nobody.
                    self._exchange.restore_counts(weights)
                    raise EventError(
                        Reason.FORGED, "its last message is not of the keys that it has now"
                    )
                self._exchange.restore(weights)
            except EventError as error:
                anew.setdefault(str(error), []).append(client)
        for why, clients in anew.items():
            logger.info(
                "domain %s: %s with a new prior: %s (an identity keeps its keys: --identity)",
                self._view.domain,
                f"client {clients[0]} starts" if len(clients) == 1 else f"{len(clients)} start",
                why,
            )
        return {client: told.weights.cycle for client, told in self._view.told.items()}

    def _say_refused(self) -> None:
        for refusal, text in self._refusals.take_news():
            level = logging.INFO if refusal == Refusal.NOT_FOR_US else logging.WARNING
            told = about(domain=self._view.domain, reason=refusal.value)
            logger.log(
                level,
                "domain %s: gossip refused (%s): %s",
                self._view.domain,
                refusal.value,
                text,
                extra=told,
            )

    def _say_who_waits(self, plans: list[GossipPlan]) -> None:
        if len(plans) == 1:
            logger.info("client %s waits for peers: %s", plans[0].client_id, plans[0].reason)
        elif plans:
            logger.info("domain %s: %d clients wait for peers", self._view.domain, len(plans))

    async def _offer(self, plans: list[GossipPlan], version: Version) -> list[GossipPlan]:
        async with self._lock:
            offers = await asyncio.to_thread(self._exchange.offer, plans, version)
        await self._register(offers.registrations)
        now_ms = self._now_ms()
        await self._publish(*(self._record(w, now_ms) for w in offers.weights))
        if offers.withheld:
            logger.info(
                "domain %s: %d clients keep their priors: no privacy budget for them",
                self._view.domain,
                len(offers.withheld),
            )
        if news := sorted(offers.unreached - self._unreached):
            self._unreached.update(news)
            logger.info(
                "domain %s: peers without a registered key get nothing: %d, among them %r",
                self._view.domain,
                len(news),
                news[0],
            )
        out = {*offers.withheld, *offers.alone}
        return [p for p in plans if p.client_id not in out]

    def _record(self, weights: GossipWeights, now_ms: int) -> Outgoing:
        record = weights_record(weights, now_ms=now_ms)
        if not self.is_sealed:
            return record
        return signed(record, weights.cycle, self._keys[weights.client_id].signing)

    async def _mix(self, plans: list[GossipPlan], version: Version) -> None:
        if not plans:
            return
        heard = dict(self._view.heard)
        if self.is_sealed:
            self._box.count_strangers(self._view.plans.values(), heard)
        async with self._lock:
            exchanges = await asyncio.to_thread(self._exchange.take, plans, version, heard)
        self._say_refused()
        for exchange in exchanges:
            logger.debug("%s", exchange)
