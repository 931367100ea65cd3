"""What colluding clients need to forge an insight that passes admission."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from scarcity.events.insight import Insight
from scarcity.events.types import (
    EXPERT_COUNT,
    EXPERT_NAMES,
    META_COUNT,
    SLOPE_SCALE,
    SLOPES_PER_INSIGHT,
)
from scarcity.learning.contribution import reconstruct
from scarcity.learning.directions import DIRECTION_COUNT, block, hadamard, signs
from scarcity.meta.recompute import contribution

Array = npt.NDArray[np.float64]
REMEMBERED = 0.9  # of the colluders' estimate of the honest gradient, an insight batch


class Circumstances(NamedTuple):
    """What the colluders know of their domain.

    Attributes:
        step: from the version before to the one that the insights are of; float64 [E, 129]; None
            when they hold one version alone.
    """

    domain: str
    slope_clip: float
    step: Array | None = None


class HonestDirection:
    """The gang's running estimates of the mean gradient, and of how far single slopes spread."""

    def __init__(self) -> None:
        self.mean = np.zeros((EXPERT_COUNT, META_COUNT))
        self.square = np.zeros((EXPERT_COUNT, 1))
        self._seen = 0.0

    def learn(self, honest: Sequence[Insight], domain: str) -> None:
        """Take in the honest insights of one version."""
        told = [contribution(insight, insight.meta_version or 0) for insight in honest]
        told = [c for c in told if c.slopes is not None]
        if not told:
            return
        slopes = np.stack([c.slopes for c in told if c.slopes is not None])
        gradient = reconstruct(domain, told[0].meta_version, told, slopes)
        self.mean = REMEMBERED * self.mean + (1 - REMEMBERED) * gradient
        squares = (slopes / SLOPE_SCALE) ** 2
        self.square = REMEMBERED * self.square
        self.square += (1 - REMEMBERED) * squares.mean(axis=(0, 2))[:, None]
        self._seen = REMEMBERED * self._seen + (1 - REMEMBERED)

    @property
    def gradient(self) -> Array:
        """Mean, without the bias towards the zeros it began with; float64 [E, 129]."""
        return self.mean / max(self._seen, 1e-12)

    @property
    def spread(self) -> Array:
        """Root mean square of an expert's slopes, much larger than their mean; float64 [E, 1]."""
        return np.sqrt(self.square / max(self._seen, 1e-12))


def project(wanted: Array, insight: Insight, domain: str) -> Array:
    """Slopes that a gradient [E, 129] would have along an insight's directions; float64 [E, 9]."""
    version, sequence = insight.meta_version or 0, insight.sequence or 0
    columns = block(insight.client_id, sequence, slopes_per_expert(insight))
    turned = wanted[:, :DIRECTION_COUNT] * signs(domain, version)
    along = turned @ hadamard()[:, columns] / DIRECTION_COUNT**0.5
    return np.concatenate([along, wanted[:, -1:]], axis=1)


def slopes_per_expert(insight: Insight) -> int:
    """How many directions an insight reports, besides log sigma^2; the default without slopes."""
    told = [e.slopes for e in insight.expert_insights.values() if e.slopes is not None]
    return len(told[0]) - 1 if told else SLOPES_PER_INSIGHT


def with_norm(slopes: Array, norms: Array | float) -> Array:
    """Scale each expert's slopes [E, 9] to a norm."""
    lengths = np.linalg.norm(slopes, axis=1, keepdims=True)
    scaled: Array = slopes * (np.reshape(norms, (-1, 1)) / np.maximum(lengths, 1e-300))
    return scaled


def honest_slopes(insight: Insight) -> Array | None:
    """An insight's slopes, loss per unit of z; float64 [E, 9]; None when it lacks any."""
    slopes = [
        insight.expert_insights[n].slopes for n in EXPERT_NAMES if n in insight.expert_insights
    ]
    if len(slopes) != EXPERT_COUNT or any(s is None for s in slopes):
        return None
    return np.array(slopes, dtype=np.float64) / SLOPE_SCALE


def with_slopes(insight: Insight, slopes: Array, clip: float) -> Insight:
    """An insight with other slopes, cut so that admission lets them through."""
    norms = np.linalg.norm(slopes, axis=1, keepdims=True)
    fixed = np.rint(slopes * np.minimum(1.0, clip / np.maximum(norms, 1e-300)) * SLOPE_SCALE)
    experts = {
        name: msgspec.structs.replace(insight.expert_insights[name], slopes=row)
        for name, row in zip(EXPERT_NAMES, fixed.astype(np.int64).tolist(), strict=True)
    }
    return msgspec.structs.replace(insight, expert_insights=experts)
