"""A client's side of gossip: offer the own prior, open the peers' priors, mix what helps.

What is traded is the prior, moved by the client's own meta-gradient, and never weights that were
fitted to its rows. A client keeps only how far its prior lies from the server's: so a newer version
of the meta-parameters carries every prior along. While the server is silent, peers learn on by
themselves (scarcity/learning/peer_learning.py); its next version leads again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from scarcity.client.core import ClientGroup
from scarcity.client.gossip_payload import (
    LED_SCALARS,
    PEER_SCALARS,
    Message,
    read_message,
    write_message,
)
from scarcity.client.gossip_sealing import InTheClear, Sealing
from scarcity.client.refusals import Refusals, RefusedError
from scarcity.client.trader import Trader
from scarcity.client.versions import Version
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights, Refusal
from scarcity.events.types import EXPERT_COUNT, META_COUNT
from scarcity.learning.adaptation import loo_losses
from scarcity.learning.client_step import Draw, RowBatch, query_gradient, split_rows
from scarcity.learning.mixing import GossipRules

Array = npt.NDArray[np.float64]

JUDGED_ROWS = 64  # of its own on which a client judges a peer's prior
ROWS_AT_ONCE = 16_384  # features of one tensor operation: 10 * 64 * 8 bytes a row


@dataclass(frozen=True)
class Offers:
    """What a cycle asks to be published, in this order.

    Attributes:
        withheld: clients without budget.
        unreached: peers for whom nothing could be sealed.
        alone: clients whose peers are all unreached; they offer nothing.
    """

    registrations: list[ClientRegistered] = field(default_factory=list)
    weights: list[GossipWeights] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    unreached: set[str] = field(default_factory=set)
    alone: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Exchange:
    """What became of one client's exchange.

    Attributes:
        mixed, left_out: peers whose priors were opened, by whether they were mixed in.
        gain: mean relative gain in the own loss over those mixed in, each alone.
    """

    client_id: str
    cycle: int
    mixed: list[str]
    gain: float
    left_out: list[str] = field(default_factory=list)


class GossipExchange:
    """The gossip of all clients of one process and domain.

    Attributes:
        sealing: how payloads are made unreadable on their way; in the clear within a process.
    """

    def __init__(
        self,
        group: ClientGroup,
        rules: GossipRules | None = None,
        *,
        sealing: Sealing | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.sealing: Sealing = sealing or InTheClear()
        self._refusals = refusals or Refusals()
        self._group = group
        self._rules = rules = rules or GossipRules()
        self._traders = {c: Trader(rules, rules.hysteresis) for c in group.client_ids}

    @property
    def client_ids(self) -> list[str]:
        """Names of the clients."""
        return list(self._traders)

    def restore(self, weights: GossipWeights) -> None:
        """Go on from a client's own last message, after a restart; with its counts at least.

        Raises:
            EventError: the prior cannot be read, and starts anew.
        """
        self.restore_counts(weights)
        message = read_message(self.sealing.open(weights, weights.client_id))
        self._traders[weights.client_id].restore(message, weights.base_version)

    def restore_counts(self, weights: GossipWeights) -> None:
        """Go on counting where a client's last message ended."""
        trader = self._traders[weights.client_id]
        trader.exchanges = weights.exchanges
        trader.earlier_evictions = weights.evictions
        trader.earlier_readmissions = weights.readmissions

    def prior(self, client: str, version: Version) -> "torch.Tensor":
        """z of a client: the version's, moved by gossip; float64 [E, 129]."""
        return version.z + torch.from_numpy(self._traders[client].deviation_from(version))

    def exchanges(self, client: str) -> int:
        """How often a client has mixed in a peer's prior."""
        return self._traders[client].exchanges

    def offer(
        self, plans: Sequence[GossipPlan], version: Version, *, server_silent: bool = False
    ) -> Offers:
        """Move each client's prior by its own meta-gradient and offer it to its peers.

        In mode `budget` a prior counts like any other number that is published, sealed or not: its
        readers are other parties.

        Args:
            server_silent: no version has come for long, or none at all.
        """
        offers = Offers()
        able: list[GossipPlan] = []
        told = PEER_SCALARS if server_silent else LED_SCALARS
        scalars = told * len(self._group.profile.expert_numbers)
        for plan in plans:
            reached = self.sealing.reached(plan)
            offers.unreached.update(set(plan.peers) - set(reached))
            if plan.peers and not reached:
                offers.alone.append(plan.client_id)
                continue
            allowed, registration = self._group.lease(plan.client_id, scalars)
            if registration is not None:
                offers.registrations.append(registration)
            if allowed:
                able.append(plan)
            else:
                offers.withheld.append(plan.client_id)
        for plan in able:
            self._traders[plan.client_id].follow(version, server_silent=server_silent)
        if able:
            self._step([Draw(p.client_id, p.cycle) for p in able], version)
        offers.weights.extend(self._sealed(plan, version) for plan in able)
        return offers

    def take(
        self,
        plans: Sequence[GossipPlan],
        version: Version,
        heard: Mapping[str, GossipWeights],
    ) -> list[Exchange]:
        """Mix in the priors that peers offered for the plans' cycles.

        Args:
            heard: the latest message of each client; those of earlier cycles are left alone.
        """
        offered: list[tuple[GossipPlan, str, Message]] = []
        opened: dict[tuple[str, bytes], Message | None] = {}
        for plan in plans:
            for peer in plan.peers:
                weights = heard.get(peer)
                if weights is None or weights.cycle < plan.cycle:
                    continue
                once = (peer, self.sealing.reader(plan.client_id))
                if once not in opened:
                    opened[once] = self._opened(weights, plan.client_id)
                message, trader = opened[once], self._traders[plan.client_id]
                if message is not None and trader.can_use(message, weights.base_version):
                    offered.append((plan, peer, message))
        if not offered:
            return []
        gains = self._gains([(p.client_id, m) for p, _, m in offered], version)
        by_client: dict[str, list[tuple[str, Message, float]]] = {}
        for (plan, peer, message), gain in zip(offered, gains, strict=True):
            by_client.setdefault(plan.client_id, []).append((peer, message, gain))
        cycles = {p.client_id: p.cycle for p in plans}
        return [self._mix(c, cycles[c], peers) for c, peers in by_client.items()]

    def _opened(self, weights: GossipWeights, reader: str) -> Message | None:
        """What a peer's message says; None, as if it were silent, when it cannot be used.

        It is not parked: sealed for us, no one else could tell what is wrong with it.
        """
        try:
            return read_message(self.sealing.open(weights, reader))
        except RefusedError as error:
            self._refusals.add(weights.client_id, error.refusal, str(error))
        except EventError as error:
            self._refusals.add(weights.client_id, Refusal.MALFORMED, str(error))
        return None

    def _mix(
        self, client: str, cycle: int, peers: Sequence[tuple[str, Message, float]]
    ) -> Exchange:
        trader = self._traders[client]
        chosen = []
        gains = [gain for _, _, gain in peers]
        for peer, message, gain in peers:
            trader.hysteresis = trader.hysteresis.observe(peer, gain - trader.expected_gain(gains))
            if trader.hysteresis.listens_to(peer, gain):
                chosen.append((peer, message, gain))
        if chosen:
            trader.mix_in([message for _, message, _ in chosen], self._group.profile)
        gain = sum(g for _, _, g in chosen) / max(len(chosen), 1)
        mixed = [peer for peer, _, _ in chosen]
        left_out = [peer for peer, _, _ in peers if peer not in mixed]
        return Exchange(client, cycle, mixed, gain, left_out)

    def _step(self, draws: Sequence[Draw], version: Version) -> None:
        profile = self._group.profile
        batch = self._group.batch(draws)
        split = split_rows(batch, draws, profile.support_rows)
        z = torch.stack([self.prior(d.client_id, version) for d in draws])
        with torch.no_grad():
            losses, gradients = query_gradient(split, self._group.of_own_experts(z))
        own = list(profile.expert_numbers)
        every_loss = np.full((len(draws), EXPERT_COUNT), np.nan)
        every_gradient = np.zeros((len(draws), EXPERT_COUNT, META_COUNT))
        every_loss[:, own], every_gradient[:, own] = losses.numpy(), gradients.numpy()
        for draw, loss, gradient in zip(draws, every_loss, every_gradient, strict=True):
            if np.isfinite(gradient).all():
                self._traders[draw.client_id].move(version, gradient, loss, profile)

    def _sealed(self, plan: GossipPlan, version: Version) -> GossipWeights:
        trader, exact = self._traders[plan.client_id], self._rules.exact
        plain = write_message(trader.message, plan.client_id, plan.cycle, exact=exact)
        # Counts of the process: told once.
        tells = plan.client_id == next(iter(self._traders))
        return GossipWeights(
            client_id=plan.client_id,
            domain=plan.domain,
            cycle=plan.cycle,
            base_version=version.number,
            sealing=self.sealing.name,
            payload=self.sealing.seal(plain, plan, version.number),
            exchanges=trader.exchanges,
            evictions=trader.earlier_evictions + trader.hysteresis.evictions,
            readmissions=trader.earlier_readmissions + trader.hysteresis.readmissions,
            evicted=sorted(trader.hysteresis.evicted),
            refused=self._refusals.counts if tells else {},
        )

    def _gains(self, offered: Sequence[tuple[str, Message]], version: Version) -> list[float]:
        """Relative gain in leave-one-out loss, had only this peer's prior been mixed in."""
        clients = sorted({c for c, _ in offered})
        batch = self._group.batch([Draw(c, 0) for c in clients])
        longest = min(batch.y.shape[1], JUDGED_ROWS)
        batch = RowBatch(batch.features[:, :, :longest], batch.y[:, :longest], batch.counts)
        place = {c: i for i, c in enumerate(clients)}
        own = self._losses(batch, [self._traders[c].deviation for c in clients], version)
        mixed = [self._traders[c].mixed([message]) for c, message in offered]
        at_once = max(1, ROWS_AT_ONCE // longest)
        gains: list[float] = []
        for start in range(0, len(offered), at_once):
            places = [place[c] for c, _ in offered[start : start + at_once]]
            losses = self._losses(batch.select(places), mixed[start : start + at_once], version)
            gains += ((own[places] - losses) / own[places]).tolist()
        return gains

    def _losses(self, batch: RowBatch, deviations: Sequence[Array], version: Version) -> Array:
        """Mean over the experts; float64 [B]."""
        z = self._group.of_own_experts(version.z + torch.from_numpy(np.stack(deviations)))
        with torch.no_grad():
            losses: Array = loo_losses(z, batch.features, batch.y, batch.mask).mean(-1).numpy()
        return np.maximum(losses, np.finfo(np.float64).tiny)


def open_weights(weights: GossipWeights) -> Message:
    """What a message in the clear says.

    Raises:
        EventError: it is sealed, malformed or not finite.
    """
    return read_message(InTheClear().open(weights, ""))
