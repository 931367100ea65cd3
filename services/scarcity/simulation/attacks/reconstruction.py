"""A curious server tries to get a client's rows back from what the client published.

Everything but the rows is public: feature maps, parameters, directions, and how the client dealt
its rows (all drawn from names and numbers). So each published number is one known equation in the
rows' unknown numbers, and enough of them can be solved by least squares: Levenberg-Marquardt from
many random starts, standard normal as standardised rows are, with that distribution as the prior.

Source: Nocedal and Wright (2006), Numerical Optimization, section 10.3; the attack on published
gradients goes back to Zhu et al. (2019), "Deep leakage from gradients", NeurIPS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scarcity.events.insight import Insight
from scarcity.events.types import EXPERT_NAMES, SLOPE_SCALE
from scarcity.learning.client_step import Draw, Split, query_gradient, split_order
from scarcity.learning.directions import DIRECTION_COUNT, block, hadamard, signs
from scarcity.learning.features import FeatureMaps
from scarcity.simulation.attacks.levenberg_marquardt import levenberg_marquardt

# The numbers gain weight against the prior step by step: fewer starts end in a poor minimum.
STAGES = 4


@dataclass(frozen=True)
class Knowledge:
    """What the attacker knows of its victim before it reads an insight.

    Attributes:
        maps: the family's public feature maps.
        rows: how many the victim holds (an insight tells).
        support_rows, slope_clip: of the domain's profile.
        experts: whose figures are used, by number.
        only_slopes_and_loss: leave out the entry of log sigma^2 and the previous loss.
        noise: how far a number may be off, in its own prior standard deviations; the weight of the
            prior against the numbers.
    """

    maps: FeatureMaps
    rows: int
    support_rows: int
    slope_clip: float
    experts: tuple[int, ...]
    only_slopes_and_loss: bool = False
    noise: float = 1e-3

    @property
    def unknowns(self) -> int:
        """Numbers that the victim holds: rows times columns, the target too."""
        return self.rows * (self.maps.inputs + 1)


@dataclass(frozen=True)
class Published:
    """An insight and the parameters it started from; z and previous_z: float64 [E, 129]."""

    insight: Insight
    z: Tensor
    previous_z: Tensor | None = None


@dataclass(frozen=True)
class Guess:
    """The rows as guessed, standardised.

    Attributes:
        rows: float64 [n, p + 1]; the target is the last column.
        misfit: root mean square of published minus explained, in prior standard deviations.
        numbers: how many published numbers were used.
    """

    rows: Tensor
    misfit: float
    numbers: int

    def error(self, truth: Tensor) -> float:
        """Root mean square error in standard deviations of a column."""
        return float((self.rows - truth).square().mean().sqrt())


@dataclass(frozen=True)
class _Equation:
    """One insight: what was published, and how rows explain it."""

    published: Tensor
    has_slopes: bool
    z: Tensor
    previous_z: Tensor | None
    order: Tensor
    turn: Tensor


class Reconstruction:
    """The attack on one victim.

    Args:
        knowledge: what is public.
        published: the victim's insights.
    """

    def __init__(self, knowledge: Knowledge, published: Sequence[Published]) -> None:
        self._knowledge = knowledge
        chosen = torch.tensor(knowledge.experts)
        maps = knowledge.maps
        self._maps = FeatureMaps(
            maps.frequencies[chosen], maps.phases[chosen], maps.amplitudes[chosen]
        )
        self._equations = [self._equation(one) for one in published]
        self._target = torch.cat([e.published for e in self._equations])
        self._scale = torch.ones_like(self._target)
        self._noise = knowledge.noise

    @torch.no_grad()
    def guess(self, *, starts: int, iterations: int, seed: int) -> Guess:
        """Run it.

        Args:
            starts: random starts, solved side by side.
            iterations: of Levenberg-Marquardt, for each; at least STAGES.
        """
        dice = torch.Generator().manual_seed(seed)
        draw = torch.randn(starts, self._knowledge.unknowns, dtype=torch.float64, generator=dice)
        self._scale = self._explain(draw).std(0).clamp(min=1e-9)
        solved = draw
        for noise in self._cooling():
            self._noise = noise
            solved = levenberg_marquardt(self._residuals, solved, iterations // STAGES)
        residuals = self._residuals(solved)
        cost = residuals.square().sum(-1)
        # Where many answers fit alike their mean errs least; one that fits far better stands alone.
        weights = torch.softmax(-(cost - cost.min()) / 2, 0)
        rows = (weights[:, None] * solved).sum(0).reshape(self._knowledge.rows, -1)
        best = residuals[int(cost.argmin()), : len(self._target)] * self._knowledge.noise
        return Guess(rows, float(best.square().mean().sqrt()), len(self._target))

    def _cooling(self) -> list[float]:
        """From numbers that hardly count to the noise that the attacker believes in."""
        last = self._knowledge.noise
        return [last ** (stage / STAGES) for stage in range(1, STAGES + 1)]

    def _residuals(self, unknowns: Tensor) -> Tensor:
        misfit = (self._explain(unknowns) - self._target) / self._scale
        return torch.cat([misfit / self._noise, unknowns], dim=-1)

    def _explain(self, unknowns: Tensor) -> Tensor:
        """What clients with these rows would publish; float64 [B, unknowns] to [B, numbers]."""
        rows = unknowns.reshape(len(unknowns), self._knowledge.rows, -1)
        features, y = self._maps.apply(rows[..., :-1]), rows[..., -1]
        return torch.cat([self._told(e, features, y) for e in self._equations], dim=-1)

    def _told(self, equation: _Equation, features: Tensor, y: Tensor) -> Tensor:
        knowledge, k = self._knowledge, self._knowledge.support_rows
        features, y = features[:, :, equation.order], y[:, equation.order]
        ones = torch.ones(len(y), knowledge.rows - k, dtype=torch.float64)
        split = Split(features[:, :, :k], y[:, :k], features[:, :, k:], y[:, k:], ones)
        losses, gradients = query_gradient(split, equation.z)
        told = [losses]
        if equation.previous_z is not None:
            told.append(query_gradient(split, equation.previous_z)[0])
        if equation.has_slopes:
            norms = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
            gradients = gradients * (knowledge.slope_clip / norms.clamp(min=knowledge.slope_clip))
            slopes = gradients[..., :DIRECTION_COUNT] @ equation.turn
            if not knowledge.only_slopes_and_loss:
                slopes = torch.cat([slopes, gradients[..., -1:]], dim=-1)
            told.append(slopes.flatten(1))
        return torch.cat(told, dim=-1)

    def _equation(self, one: Published) -> _Equation:
        insight, knowledge = one.insight, self._knowledge
        if insight.sequence is None or insight.meta_version is None:
            raise ValueError("an insight without sequence or version has unknown directions")
        experts = [insight.expert_insights[EXPERT_NAMES[e]] for e in knowledge.experts]
        chosen = torch.tensor(knowledge.experts)
        numbers = [e.loss for e in experts]
        previous = [e.previous_loss for e in experts]
        uses_previous = one.previous_z is not None and not knowledge.only_slopes_and_loss
        numbers += [p for p in previous if uses_previous and p is not None]
        has_slopes = all(e.slopes is not None for e in experts)
        columns = len(experts[0].slopes or [0]) - 1
        kept = columns if knowledge.only_slopes_and_loss else columns + 1
        if has_slopes:
            numbers += [s / SLOPE_SCALE for e in experts for s in (e.slopes or [])[:kept]]
        draw = Draw(insight.client_id, insight.sequence)
        directions = block(*draw, columns) if has_slopes else np.arange(0)
        turned = signs(insight.domain, insight.meta_version)[:, None] * hadamard()
        return _Equation(
            published=torch.tensor(numbers, dtype=torch.float64),
            has_slopes=has_slopes,
            z=one.z[chosen],
            previous_z=None
            if not uses_previous or one.previous_z is None
            else one.previous_z[chosen],
            order=torch.from_numpy(split_order(draw, knowledge.rows).astype(np.int64)),
            turn=torch.from_numpy(turned[:, directions] / DIRECTION_COUNT**0.5),
        )
