"""Clients that collude to spoil a domain's meta-parameters.

They know all that is public (directions, clip, parameters) and what each of them would honestly
say; from that they estimate the honest gradient as the server does. What they forge passes
admission, as everything else would be parked.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import (
    EXPERT_COUNT,
    EXPERT_NAMES,
    META_COUNT,
    SLOPE_SCALE,
    SLOPES_PER_INSIGHT,
)
from scarcity.learning.contribution import reconstruct
from scarcity.learning.directions import DIRECTION_COUNT, block, hadamard, signs
from scarcity.learning.public_draws import draw_uniforms
from scarcity.meta.recompute import contribution
from scarcity.simulation.scenario import Attackers

Array = npt.NDArray[np.float64]
REMEMBERED = 0.9  # of the colluders' estimate of the honest gradient, an insight batch


class Circumstances(NamedTuple):
    """What the colluders know of their domain."""

    domain: str
    slope_clip: float


class Attack(Protocol):
    """What one gang does. It sees its own members' honest insights, of one version at a time."""

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """The insights that are sent instead, in the same order."""
        ...


class HonestDirection:
    """The gang's running estimate of the mean gradient and its spread; float64 [E, 129] each."""

    def __init__(self) -> None:
        self.mean = np.zeros((EXPERT_COUNT, META_COUNT))
        self.square = np.zeros((EXPERT_COUNT, META_COUNT))
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
        self.square = REMEMBERED * self.square + (1 - REMEMBERED) * gradient**2
        self._seen = REMEMBERED * self._seen + (1 - REMEMBERED)

    @property
    def gradient(self) -> Array:
        """Mean, without the bias towards the zeros it began with."""
        return self.mean / max(self._seen, 1e-12)

    @property
    def spread(self) -> Array:
        """Standard deviation of each entry."""
        square = self.square / max(self._seen, 1e-12)
        return np.sqrt(np.maximum(square - self.gradient**2, 0.0))


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


class Situation(NamedTuple):
    """Before one insight is forged; ``honest``: its true slopes, float64 [E, 9]."""

    insight: Insight
    honest: Array
    estimate: HonestDirection
    at: Circumstances

    def project(self, wanted: Array) -> Array:
        """Slopes of a gradient [E, 129] along this insight's directions; float64 [E, 9]."""
        return project(wanted, self.insight, self.at.domain)


SlopeRule = Callable[[Situation], Array]


class SlopeAttack:
    """Replaces slopes by a rule."""

    def __init__(self, rule: SlopeRule) -> None:
        self._rule = rule
        self._estimate = HonestDirection()

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """Insights with forged slopes; those without slopes go as they are."""
        self._estimate.learn(honest, at.domain)
        return [self._forge(insight, at) for insight in honest]

    def _forge(self, insight: Insight, at: Circumstances) -> Insight:
        slopes = honest_slopes(insight)
        if slopes is None:
            return insight
        forged = self._rule(Situation(insight, slopes, self._estimate, at))
        return with_slopes(insight, forged, at.slope_clip)


class ExpertAttack:
    """Changes what an insight says of each expert."""

    def __init__(self, change: Callable[[int, ExpertInsight], ExpertInsight]) -> None:
        self._change = change

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:  # noqa: ARG002
        """Insights with forged figures."""
        return [self._forge(insight) for insight in honest]

    def _forge(self, insight: Insight) -> Insight:
        experts = {
            name: self._change(EXPERT_NAMES.index(name), expert)
            for name, expert in insight.expert_insights.items()
        }
        mean = sum(e.loss for e in experts.values()) / len(experts)
        return msgspec.structs.replace(insight, expert_insights=experts, avg_loss=mean)


class InflatedSamples:
    """Claims more rows than there are; otherwise honest."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:  # noqa: ARG002
        """Insights with larger counts."""
        return [
            msgspec.structs.replace(i, total_samples=round(self._factor * i.total_samples))
            for i in honest
        ]


class Sleeper:
    """Honest until a version, then another attack; meanwhile the gang learns what is honest."""

    def __init__(self, attack: Attack, after_versions: int) -> None:
        self._attack = attack
        self._after = after_versions

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """Honest insights up to the version, forged ones afterwards."""
        forged = self._attack.forge(honest, at)
        return [
            false if (true.meta_version or 0) > self._after else true
            for true, false in zip(honest, forged, strict=True)
        ]


def make_attack(attackers: Attackers, *, seed: str) -> Attack:
    """The attack that a scenario names; ``seed`` for the fixed direction."""
    strength = attackers.strength
    attacks: dict[str, Callable[[], Attack]] = {
        "against-honest-at-clip": lambda: SlopeAttack(_against_at_clip(strength)),
        "against-honest-at-size": lambda: SlopeAttack(_against_at_size(strength)),
        "fixed-direction": lambda: SlopeAttack(_along(fixed_direction(seed), strength)),
        "alie": lambda: SlopeAttack(_a_little(strength)),
        "loss-liar": lambda: ExpertAttack(_lie(strength)),
        "routing-bait": lambda: ExpertAttack(_bait(strength)),
        "inflated-samples": lambda: InflatedSamples(1000 * strength),
    }
    attack = attacks[attackers.attack]()
    return Sleeper(attack, attackers.after_versions) if attackers.after_versions else attack


def fixed_direction(seed: str) -> Array:
    """A direction that the gang drew once; unit norm an expert; float64 [E, 129]."""
    uniforms = draw_uniforms("fixed-direction", seed, count=EXPERT_COUNT * META_COUNT)
    return with_norm(uniforms.reshape(EXPERT_COUNT, META_COUNT) - 0.5, 1.0)


def _against_at_clip(strength: float) -> SlopeRule:
    def rule(now: Situation) -> Array:
        against = now.project(-now.estimate.gradient)
        return with_norm(against, min(1.0, strength) * now.at.slope_clip)

    return rule


def _against_at_size(strength: float) -> SlopeRule:
    def rule(now: Situation) -> Array:
        against = now.project(-now.estimate.gradient)
        return with_norm(against, strength * np.linalg.norm(now.honest, axis=1))

    return rule


def _along(direction: Array, strength: float) -> SlopeRule:
    def rule(now: Situation) -> Array:
        return with_norm(now.project(direction), min(1.0, strength) * now.at.slope_clip)

    return rule


def _a_little(strength: float) -> SlopeRule:
    """Mean less a multiple of the spread (Baruch et al. 2019, NeurIPS, algorithm 3)."""

    def rule(now: Situation) -> Array:
        mean, spread = now.estimate.gradient, now.estimate.spread
        return now.project(mean - strength * spread * np.sign(mean))

    return rule


def _lie(strength: float) -> Callable[[int, ExpertInsight], ExpertInsight]:
    """Say of every step that it hurt, so that the gate takes good ones back."""

    def change(_: int, expert: ExpertInsight) -> ExpertInsight:
        if expert.previous_loss is None:
            return expert
        worse = expert.previous_loss * (1 + strength)
        return msgspec.structs.replace(expert, loss=max(expert.loss, worse))

    return change


def _bait(strength: float) -> Callable[[int, ExpertInsight], ExpertInsight]:
    """Praise the first expert and run the others down, so that routing follows the first."""

    def change(number: int, expert: ExpertInsight) -> ExpertInsight:
        factor = 0.0 if number == 0 else 1 + 9 * strength
        return msgspec.structs.replace(expert, loss=factor * expert.loss)

    return change
