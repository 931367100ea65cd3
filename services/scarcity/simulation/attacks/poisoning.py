"""Clients that collude to spoil a domain's meta-parameters.

They know all that is public (directions, clip, parameters) and what each of them would honestly
say; from that they estimate the honest gradient as the server does. What they forge passes
admission, as everything else would be parked.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_COUNT, EXPERT_NAMES, FEATURE_COUNT, META_COUNT
from scarcity.learning.public_draws import draw_uniforms
from scarcity.simulation.attacks.forging import (
    Array,
    Circumstances,
    HonestDirection,
    honest_slopes,
    project,
    with_norm,
    with_slopes,
)
from scarcity.simulation.scenario import Attackers

LIE = 1.5  # of a consistent liar: the loss that it makes up is so many times larger or smaller


class Attack(Protocol):
    """What one gang does. It sees its own members' honest insights, of one version at a time."""

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """The insights that are sent instead, in the same order."""
        ...


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


class Together:
    """One attack after the other on the same insights."""

    def __init__(self, *attacks: Attack) -> None:
        self._attacks = attacks

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """Insights as the last attack leaves them."""
        forged = list(honest)
        for attack in self._attacks:
            forged = attack.forge(forged, at)
        return forged


class AgreeingLosses:
    """Makes up losses that bear the slopes out, so that the two do not contradict each other."""

    def forge(self, honest: Sequence[Insight], at: Circumstances) -> list[Insight]:
        """Insights with other losses; those that tell no change go as they are."""
        return [self._forge(insight, at) for insight in honest]

    def _forge(self, insight: Insight, at: Circumstances) -> Insight:
        slopes = honest_slopes(insight)
        if slopes is None or at.step is None:
            return insight
        foretold = (slopes * project(at.step, insight, at.domain)).sum(axis=1)
        experts = {
            name: _changed(insight.expert_insights[name], LIE if change > 0 else 1 / LIE)
            for name, change in zip(EXPERT_NAMES, foretold.tolist(), strict=True)
        }
        return msgspec.structs.replace(insight, expert_insights=experts)


def _changed(expert: ExpertInsight, factor: float) -> ExpertInsight:
    if expert.previous_loss is None:
        return expert
    return msgspec.structs.replace(expert, loss=factor * expert.previous_loss)


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
        "routing-bait": lambda: Together(
            SlopeAttack(_against_the_first), ExpertAttack(_bait(strength))
        ),
        "consistent-liar": lambda: Together(
            SlopeAttack(_against_at_size(strength)), AgreeingLosses()
        ),
        "inflated-samples": lambda: InflatedSamples(1000 * strength),
        # Its clients are honest; the crowd gives them all one client's rows.
        "many-ids": Together,
    }
    attack = attacks[attackers.attack]()
    return Sleeper(attack, attackers.after_versions) if attackers.after_versions else attack


def fixed_direction(seed: str) -> Array:
    """A direction that the gang drew once; unit norm an expert; float64 [E, 129].

    Weights go anywhere; variances fall and the noise rises, so that clients cannot adapt away from
    where the weights went. A direction drawn at random in all entries does little harm.
    """
    uniforms = draw_uniforms("fixed-direction", seed, count=EXPERT_COUNT * META_COUNT)
    direction = np.where(uniforms.reshape(EXPERT_COUNT, META_COUNT) < 0.5, -1.0, 1.0)
    direction[:, FEATURE_COUNT:-1] = 1.0
    direction[:, -1] = -3.0
    return with_norm(direction, 1.0)


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
        mean = now.project(now.estimate.gradient)
        return mean - strength * now.estimate.spread * np.sign(mean)

    return rule


def _against_the_first(now: Situation) -> Array:
    """Against the honest direction at the clip, for the first expert alone."""
    forged = now.honest.copy()
    forged[:1] = with_norm(now.project(-now.estimate.gradient), now.at.slope_clip)[:1]
    return forged


def _lie(strength: float) -> Callable[[int, ExpertInsight], ExpertInsight]:
    """Say of every step that it hurt, so that the gate takes good ones back."""

    def change(_: int, expert: ExpertInsight) -> ExpertInsight:
        if expert.previous_loss is None:
            return expert
        worse = expert.previous_loss * (1 + strength)
        return msgspec.structs.replace(expert, loss=max(expert.loss, worse))

    return change


def _bait(strength: float) -> Callable[[int, ExpertInsight], ExpertInsight]:
    """Praise the first expert and run the others down, so that routing follows the first.

    Losses under both versions are scaled alike, so that no step seems to hurt.
    """

    def change(number: int, expert: ExpertInsight) -> ExpertInsight:
        factor = 0.0 if number == 0 else 1 + 9 * strength
        before = None if expert.previous_loss is None else factor * expert.previous_loss
        return msgspec.structs.replace(expert, loss=factor * expert.loss, previous_loss=before)

    return change
