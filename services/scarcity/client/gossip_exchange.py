"""A client's side of gossip: offer the own prior, open the peers' priors, mix what helps.

What is traded is the prior theta, moved by the client's own meta-gradient, and never weights that
were fitted to its rows. A client keeps only how far its prior lies from the server's: so a newer
version of the meta-parameters carries every prior along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from scarcity.client.core import ClientGroup
from scarcity.client.versions import Version
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipDeviation, GossipWeights
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT
from scarcity.learning.adaptation import loo_losses
from scarcity.learning.client_step import Draw, RowBatch, query_gradient, split_rows
from scarcity.learning.mixing import (
    PeerHysteresis,
    clip_deviation,
    dequantise,
    mix,
    quantise,
)
from scarcity.learning.public_draws import draw_uniforms
from scarcity.learning.tensors import from_payload, to_payload

Array = npt.NDArray[np.float64]

SEALING = "none"
OFFER_SCALARS = FEATURE_COUNT + 1  # an expert
STEP = 0.05  # of the own meta-gradient, once a cycle
KEEP = 0.9  # share of a deviation that outlives a cycle: the server's theta stays the anchor
JUDGED_ROWS = 256  # of its own on which a client judges a peer's prior
ROWS_AT_ONCE = 16_384  # features of one tensor operation: 10 * 64 * 8 bytes a row


@dataclass(frozen=True)
class Offers:
    """What a cycle asks to be published, in this order; ``withheld``: clients without budget."""

    registrations: list[ClientRegistered] = field(default_factory=list)
    weights: list[GossipWeights] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Exchange:
    """What became of one client's exchange: peers mixed in, and the relative gain in loss."""

    client_id: str
    cycle: int
    mixed: list[str]
    gain: float


@dataclass
class _Trader:
    deviation: Array = field(default_factory=lambda: np.zeros((EXPERT_COUNT, FEATURE_COUNT)))
    hysteresis: PeerHysteresis = field(default_factory=PeerHysteresis)
    exchanges: int = 0
    earlier_evictions: int = 0
    earlier_readmissions: int = 0


class GossipExchange:
    """The gossip of all clients of one process and domain."""

    def __init__(self, group: ClientGroup) -> None:
        self._group = group
        self._traders = {c: _Trader() for c in group.client_ids}

    def restore(self, weights: GossipWeights) -> None:
        """Go on from a client's own last message, after a restart.

        Raises:
            EventError: it cannot be read.
        """
        trader = self._traders[weights.client_id]
        trader.deviation = clip_deviation(open_deviation(weights))
        trader.exchanges = weights.exchanges
        trader.earlier_evictions = weights.evictions
        trader.earlier_readmissions = weights.readmissions

    def prior(self, client: str, version: Version) -> "torch.Tensor":
        """z of a client: the version's, theta moved by gossip; float64 [E, 129]."""
        z = version.z.clone()
        z[:, :FEATURE_COUNT] += torch.from_numpy(self._traders[client].deviation)
        return z

    def exchanges(self, client: str) -> int:
        """How often a client has mixed in a peer's prior."""
        return self._traders[client].exchanges

    def offer(self, plans: Sequence[GossipPlan], version: Version) -> Offers:
        """Move each client's prior by its own meta-gradient and offer it to its peers.

        In mode `budget` an unsealed prior is published like any other number, and counts.
        """
        offers = Offers()
        able: list[GossipPlan] = []
        scalars = OFFER_SCALARS * len(self._group.profile.expert_numbers)
        for plan in plans:
            allowed, registration = self._group.lease(plan.client_id, scalars)
            if registration is not None:
                offers.registrations.append(registration)
            if allowed:
                able.append(plan)
            else:
                offers.withheld.append(plan.client_id)
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
        offered: list[tuple[GossipPlan, str, Array]] = []
        for plan in plans:
            for peer in plan.peers:
                weights = heard.get(peer)
                if weights is None or weights.cycle < plan.cycle or weights.sealing != SEALING:
                    continue
                try:
                    offered.append((plan, peer, open_deviation(weights)))
                except EventError:
                    # As if the peer were silent: its payload is sealed for us, so no one else
                    # could tell what is wrong with it.
                    continue
        if not offered:
            return []
        gains = self._gains([(p.client_id, d) for p, _, d in offered], version)
        by_client: dict[str, list[tuple[str, Array, float]]] = {}
        for (plan, peer, deviation), gain in zip(offered, gains, strict=True):
            by_client.setdefault(plan.client_id, []).append((peer, deviation, gain))
        cycles = {p.client_id: p.cycle for p in plans}
        return [self._mix(c, cycles[c], peers) for c, peers in by_client.items()]

    def _mix(self, client: str, cycle: int, peers: Sequence[tuple[str, Array, float]]) -> Exchange:
        trader = self._traders[client]
        chosen = []
        for peer, deviation, gain in peers:
            trader.hysteresis = trader.hysteresis.observe(peer, gain)
            if trader.hysteresis.listens_to(peer, gain):
                chosen.append((peer, deviation, gain))
        if chosen:
            # Deviations are measured from the server's theta, which is then the zero.
            trader.deviation = mix(
                trader.deviation, np.zeros_like(trader.deviation), [d for _, d, _ in chosen]
            )
            trader.exchanges += 1
        gain = sum(g for _, _, g in chosen) / max(len(chosen), 1)
        return Exchange(client, cycle, [p for p, _, _ in chosen], gain)

    def _step(self, draws: Sequence[Draw], version: Version) -> None:
        batch = self._group.batch(draws)
        split = split_rows(batch, draws, self._group.profile.support_rows)
        z = torch.stack([self.prior(d.client_id, version) for d in draws])
        with torch.no_grad():
            _, gradients = query_gradient(split, self._group.of_own_experts(z))
        by_theta = np.zeros((len(draws), EXPERT_COUNT, FEATURE_COUNT))
        own = list(self._group.profile.expert_numbers)
        by_theta[:, own] = gradients[..., :FEATURE_COUNT].numpy()
        for draw, gradient in zip(draws, by_theta, strict=True):
            if not np.isfinite(gradient).all():
                continue
            trader = self._traders[draw.client_id]
            moved = KEEP * trader.deviation - STEP * clip_deviation(
                gradient, self._group.profile.slope_clip
            )
            trader.deviation = clip_deviation(moved)

    def _sealed(self, plan: GossipPlan, version: Version) -> GossipWeights:
        trader = self._traders[plan.client_id]
        uniforms = draw_uniforms(
            "gossip", plan.client_id, plan.cycle, count=EXPERT_COUNT * FEATURE_COUNT
        )
        levels, scales = quantise(trader.deviation, uniforms.reshape(EXPERT_COUNT, FEATURE_COUNT))
        return GossipWeights(
            client_id=plan.client_id,
            domain=plan.domain,
            cycle=plan.cycle,
            base_version=version.number,
            sealing=SEALING,
            payload=encode_msgpack(GossipDeviation(to_payload(levels), to_payload(scales))),
            exchanges=trader.exchanges,
            evictions=trader.earlier_evictions + trader.hysteresis.evictions,
            readmissions=trader.earlier_readmissions + trader.hysteresis.readmissions,
            evicted=sorted(trader.hysteresis.evicted),
        )

    def _gains(self, offered: Sequence[tuple[str, Array]], version: Version) -> list[float]:
        """Relative gain in leave-one-out loss, had only this peer's prior been mixed in."""
        clients = sorted({c for c, _ in offered})
        batch = self._group.batch([Draw(c, 0) for c in clients])
        longest = min(batch.y.shape[1], JUDGED_ROWS)
        batch = RowBatch(batch.features[:, :, :longest], batch.y[:, :longest], batch.counts)
        place = {c: i for i, c in enumerate(clients)}
        own = self._losses(batch, [self._traders[c].deviation for c in clients], version)
        zero = np.zeros((EXPERT_COUNT, FEATURE_COUNT))
        mixed = [mix(self._traders[c].deviation, zero, [d]) for c, d in offered]
        at_once = max(1, ROWS_AT_ONCE // longest)
        gains: list[float] = []
        for start in range(0, len(offered), at_once):
            places = [place[c] for c, _ in offered[start : start + at_once]]
            losses = self._losses(batch.select(places), mixed[start : start + at_once], version)
            gains += ((own[places] - losses) / own[places]).tolist()
        return gains

    def _losses(self, batch: RowBatch, deviations: Sequence[Array], version: Version) -> Array:
        """Mean over the experts; float64 [B]."""
        z = version.z.expand(len(deviations), *version.z.shape).clone()
        z[..., :FEATURE_COUNT] += torch.from_numpy(np.stack(deviations))
        z = self._group.of_own_experts(z)
        with torch.no_grad():
            losses: Array = loo_losses(z, batch.features, batch.y, batch.mask).mean(-1).numpy()
        return np.maximum(losses, np.finfo(np.float64).tiny)


def open_deviation(weights: GossipWeights) -> Array:
    """The deviation from the server's theta that a message carries; float64 [E, 64].

    Raises:
        EventError: it is sealed in an unknown way, malformed or not finite.
    """
    if weights.sealing != SEALING:
        raise EventError(Reason.MALFORMED, f"sealing {weights.sealing!r} is not known here")
    content = decode_msgpack(weights.payload, GossipDeviation)
    levels, scales = from_payload(content.levels), from_payload(content.scales)
    shapes = (levels.shape, scales.shape) == ((EXPERT_COUNT, FEATURE_COUNT), (EXPERT_COUNT,))
    if not shapes or (levels.dtype, scales.dtype) != (np.dtype(np.int8), np.dtype(np.float64)):
        raise EventError(Reason.MALFORMED, "a deviation is int8 [10, 64] with float64 [10] scales")
    deviation = dequantise(levels.astype(np.int8), scales.astype(np.float64))
    if not np.isfinite(deviation).all():
        raise EventError(Reason.NOT_FINITE, "a deviation holds a number that is not finite")
    return deviation
