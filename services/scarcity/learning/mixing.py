"""Gossip: how a client mixes its peers' priors into its own, and whom it stops listening to.

Peers trade theta, never fitted weights. What protects a client is the clip around the server's
theta; the hysteresis only saves it exchanges that do not help.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]

CLIP_RADIUS = 0.3
_TOP_LEVEL = 127


def clip_deviation(deviation: Array, radius: float = CLIP_RADIUS) -> Array:
    """Shorten each expert's deviation [E, 64] to at most ``radius`` (Euclidean).

    >>> clip_deviation(np.array([[0.0, -4.0], [0.0, 0.1]]), 1.0).tolist()
    [[0.0, -1.0], [0.0, 0.1]]
    """
    norms = np.sqrt((deviation * deviation).sum(axis=-1, keepdims=True))
    clipped: Array = deviation * (radius / np.maximum(norms, radius))
    return clipped


def mix(own: Array, server: Array, peers: Sequence[Array], *, radius: float = CLIP_RADIUS) -> Array:
    """One push-pull step: own + 1/2 (mean over peers [server + clip(peer - server)] - own).

    When all members of a group do so at once and no clip binds, the group's mean stays.

    Args:
        own, server: theta; float64 [E, 64].
        peers: each peer's theta.

    Returns:
        float64 [E, 64]; ``own`` when there is no peer.
    """
    if not peers:
        return own
    pulled = np.mean([clip_deviation(peer - server, radius) for peer in peers], axis=0)
    mixed: Array = own + 0.5 * (server + pulled - own)
    return mixed


def pull(own: Array, peers: Sequence[Array], *, radius: float, to_median: bool = False) -> Array:
    """One push-pull step without a server to clip around: own + 1/2 mean of clip(peer - own).

    Args:
        own: float64 [E, n].
        radius: each expert of a peer counts as lying at most this far from the own.
        to_median: nor farther than the lower median of the peers; the mean of a group then
            stays only roughly.

    Source: He, Karimireddy and Jaggi (2022), arXiv:2202.01545 (clipping around oneself).

    >>> pull(np.array([[0.0]]), [np.array([[1.0]]), np.array([[9.0]])], radius=2.0).tolist()
    [[0.75]]
    """
    if not peers:
        return own
    ways = np.stack(peers) - own
    norms = np.sqrt((ways * ways).sum(axis=-1, keepdims=True))
    reach = np.full(norms.shape[1:], radius)
    if to_median:
        reach = np.minimum(reach, np.sort(norms, axis=0)[(len(peers) - 1) // 2])
    clipped = ways * (reach / np.maximum(np.maximum(norms, reach), np.finfo(np.float64).tiny))
    moved: Array = own + 0.5 * clipped.mean(axis=0)
    return moved


def quantise(deviation: Array, uniforms: Array) -> tuple[Levels, Array]:
    """Stochastic int8: unbiased, one scale an expert.

    Args:
        deviation: theta minus the server's; float64 [E, 64].
        uniforms: one draw from [0, 1) an entry.

    Returns:
        levels int8 [E, 64], scales float64 [E] (units of theta a level).
    """
    scales = np.abs(deviation).max(axis=-1) / _TOP_LEVEL
    exact = deviation / np.where(scales > 0, scales, 1.0)[:, None]
    levels = np.clip(np.floor(exact + uniforms), -_TOP_LEVEL, _TOP_LEVEL)
    return levels.astype(np.int8), scales


def dequantise(levels: Levels, scales: Array) -> Array:
    """Deviation from levels int8 [E, 64] and scales [E]."""
    return levels.astype(np.float64) * scales[:, None]


@dataclass(frozen=True)
class PeerRecord:
    """Running relative gain of exchanges with a peer, and whether the peer is left out."""

    gain: float = 0.0
    bad_exchanges: int = 0
    evicted: bool = False


@dataclass(frozen=True)
class PeerHysteresis:
    """Which peers a client listens to; accepts by default. :meth:`observe` returns a new record.

    Attributes:
        decay: of the running gain.
        evict_below, readmit_above: of the running gain; relative, e.g. -0.02 = 2 % worse.
        patience: exchanges in a row below ``evict_below`` until the eviction.
        veto_below: one exchange with such a gain is not mixed in, whatever the record.
        evictions, readmissions: running counts.
    """

    decay: float = 0.7
    evict_below: float = -0.02
    readmit_above: float = -0.005
    patience: int = 2
    veto_below: float = -0.25
    records: dict[str, PeerRecord] = field(default_factory=dict)
    evictions: int = 0
    readmissions: int = 0

    @property
    def evicted(self) -> frozenset[str]:
        """Peers that are left out today."""
        return frozenset(peer for peer, record in self.records.items() if record.evicted)

    def observe(self, peer: str, gain: float) -> "PeerHysteresis":
        """Take in the relative gain in loss after adaptation, had only this peer been mixed in.

        Evicted peers are observed too: that is how they come back. A gain that is not finite
        counts as a total loss.

        >>> h = PeerHysteresis().observe("b", -0.5).observe("b", -0.5)
        >>> sorted(h.evicted)
        ['b']
        """
        gain = max(-1.0, gain) if np.isfinite(gain) else -1.0
        before = self.records.get(peer, PeerRecord())
        running = self.decay * before.gain + (1 - self.decay) * gain
        bad = before.bad_exchanges + 1 if running < self.evict_below else 0
        evicted = bad >= self.patience or (before.evicted and running <= self.readmit_above)
        return replace(
            self,
            records={**self.records, peer: PeerRecord(running, bad, evicted)},
            evictions=self.evictions + (evicted and not before.evicted),
            readmissions=self.readmissions + (before.evicted and not evicted),
        )

    def listens_to(self, peer: str, gain: float) -> bool:
        """Whether to mix this exchange in: the peer is not evicted and the gain is no disaster."""
        record = self.records.get(peer, PeerRecord())
        return not record.evicted and bool(gain >= self.veto_below)


@dataclass(frozen=True)
class GossipRules:
    """How a client gossips.

    Attributes:
        step: of the own meta-gradient on theta, once a cycle, while there is a server.
        keep: share of a deviation that outlives a cycle: the server's theta stays the anchor.
        radius: of the clip around the server's theta; around the own prior without a server.
        hysteresis: whom a new client listens to, and how that changes.
        exact: send float32 and not int8, four times the bytes.
    """

    step: float = 0.05
    keep: float = 0.9
    radius: float = CLIP_RADIUS
    hysteresis: PeerHysteresis = field(default_factory=PeerHysteresis)
    exact: bool = False
