"""A round under central differential privacy: sums of clipped figures, with noise added once.

Everything that leaves here is computed from the noised sums and from numbers that do not depend on
who took part: sums are divided by the expected number of clients. The sums are of integers, so a
client's share in them is bounded exactly:

    one client adds at most C to the norm of all slopes, and a C to that of all losses
    (each loss cut to L and counted in units of L sqrt(E) / (a C)),

so both together have the sensitivity C sqrt(1 + a^2), and the noise is z times that.

Source: Dwork and Roth (2014), section A (Gaussian mechanism on vectors); McMahan et al. (2018),
ICLR (clients as the unit, sums over an expected number).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, isqrt, sqrt

import numpy as np
import numpy.typing as npt

from scarcity.events.dp_rules import DpRules
from scarcity.events.types import EXPERT_COUNT, SLOPE_SCALE
from scarcity.learning.contribution import Array, Contribution, Ints
from scarcity.learning.directions import DIRECTION_COUNT, block_number, fwht, signs
from scarcity.learning.discrete_gaussian import KeyStream, discrete_gaussian
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine, StepReport
from scarcity.learning.settings import LOSS_SCALE

# The losses' share a of the sensitivity: it costs 3 % more noise on the slopes.
LOSS_SHARE = 0.25
# Bits below 2**-24 that a mean slope keeps before the integer transform.
_GUARD = 2**12


@dataclass(frozen=True)
class CentralNoise:
    """What the noise of one version is drawn from.

    Attributes:
        experts: numbers of those that the domain's clients run.
        key: the domain's secret.
        inputs_hash: of the insights used. Other inputs give other noise: a version made again
            without a client must not show that client by the difference.
    """

    rules: DpRules
    slopes_per_expert: int
    experts: tuple[int, ...]
    key: bytes
    inputs_hash: str

    @property
    def slope_sigma(self) -> int:
        """Standard deviation on a sum of slopes; units of 2**-24, rounded up."""
        rules = self.rules
        spread = rules.noise_multiplier * rules.clip * sqrt(1 + LOSS_SHARE**2)
        return ceil(spread * SLOPE_SCALE)

    @property
    def loss_sigma(self) -> int:
        """Standard deviation on a sum of losses; units of 2**-24, rounded up."""
        rules = self.rules
        share = rules.loss_clip * sqrt(len(self.experts)) / LOSS_SHARE
        return ceil(rules.noise_multiplier * share * sqrt(1 + LOSS_SHARE**2) * LOSS_SCALE)

    def draw(self, domain: str, version: int) -> tuple[Ints, Ints]:
        """Noise of a version: on slopes, int64 [experts, 129]; on losses, int64 [experts]."""
        many = len(self.experts)
        stream = KeyStream(self.key, "central", domain, version, self.inputs_hash)
        on_slopes = discrete_gaussian(stream, self.slope_sigma, many * (DIRECTION_COUNT + 1))
        on_losses = discrete_gaussian(stream, self.loss_sigma, many)
        return on_slopes.reshape(many, DIRECTION_COUNT + 1), on_losses


@dataclass(frozen=True)
class NoisedRound:
    """What may be known of a round.

    Attributes:
        gradient: float64 [10, 129]; 0 for experts that nobody runs.
        losses: mean loss, 0 to ``loss_clip``; float64 [10]; NaN for experts that nobody runs.
    """

    gradient: Array
    losses: Array


def clip_jointly(slopes: Ints, clip: float) -> Ints:
    """Cut a client's slopes of all experts to a common norm; int64 [..., E, m + 1] to the same.

    Entries are rounded towards zero, so that the norm of the integers never exceeds the clip.

    >>> clip_jointly(np.array([[3, 4]]) * 2**24, 1.0).tolist()
    [[10066329, 13421772]]
    """
    bound = int(clip * SLOPE_SCALE)
    flat = slopes.reshape(-1, *slopes.shape[-2:])
    cut = np.stack([_clip_one(one, bound) for one in flat]) if len(flat) else flat
    return cut.reshape(slopes.shape)


def _clip_one(slopes: Ints, bound: int) -> Ints:
    squared = sum(s * s for s in slopes.ravel().tolist())
    if squared <= bound * bound:
        return slopes
    # The root is rounded up, the quotients towards zero.
    norm = isqrt(squared) + 1
    cut = [abs(s) * bound // norm * (1 if s > 0 else -1) for s in slopes.ravel().tolist()]
    return np.array(cut, dtype=np.int64).reshape(slopes.shape)


def noised_round(
    domain: str, version: int, contributions: Sequence[Contribution], noise: CentralNoise
) -> NoisedRound:
    """Sum what clients that hold ``version`` say, and add noise; zero clients are a round too.

    Insights on other versions and of another length are left out: a client that took part late
    would have had two chances.

    Source: Kozak et al. (2021), as :func:`scarcity.learning.contribution.reconstruct`.
    """
    rules, columns = noise.rules, noise.slopes_per_expert
    chosen, expected = list(noise.experts), rules.expected
    on_slopes, on_losses = noise.draw(domain, version)
    slopes, losses = on_slopes.copy(), on_losses.copy()
    for client in contributions:
        if client.meta_version != version or client.slopes is None:
            continue
        if client.slopes.shape != (EXPERT_COUNT, columns + 1):
            continue
        own = clip_jointly(client.slopes[chosen], rules.clip)
        first = columns * block_number(client.client_id, client.sequence, columns)
        slopes[:, first : first + columns] += own[:, :-1]
        slopes[:, -1] += own[:, -1]
        losses += _clipped_losses(client.losses[chosen], rules.loss_clip)
    gradient = np.zeros((EXPERT_COUNT, DIRECTION_COUNT + 1))
    reports = expected * columns / DIRECTION_COUNT
    means = np.rint(slopes[:, :-1].astype(np.float64) / reports * _GUARD).astype(np.int64)
    turned = fwht(means) * signs(domain, version)
    root = np.sqrt(float(DIRECTION_COUNT))
    gradient[chosen, :-1] = turned.astype(np.float64) / (_GUARD * SLOPE_SCALE) / root
    gradient[chosen, -1] = slopes[:, -1].astype(np.float64) / (expected * SLOPE_SCALE)
    told = np.full(EXPERT_COUNT, np.nan)
    mean = losses.astype(np.float64) / (expected * LOSS_SCALE)
    told[chosen] = np.clip(mean, 0.0, rules.loss_clip)
    return NoisedRound(gradient, told)


def update_noised(
    engine: OnlineMAMLEngine,
    domain: str,
    state: DomainState,
    family: FamilyState,
    contributions: Sequence[Contribution],
    noise: CentralNoise,
) -> tuple[DomainState, FamilyState, StepReport]:
    """Make the next version of a domain with central noise.

    The gate, the cap by running medians and the trial of starts look at single clients: they are
    left out, and the clip takes the place of the cap.

    Args:
        state: without candidates.
    """
    told = noised_round(domain, state.version, contributions, noise)
    rules, decay = noise.rules, engine.settings.loss_decay
    mixed = decay * state.domain_losses + (1 - decay) * told.losses
    after = replace(
        state,
        version=state.version + 1,
        previous_z=state.z,
        domain_losses=np.where(np.isnan(state.domain_losses), told.losses, mixed),
        insights=state.insights + round(rules.expected),
    )
    after, family = engine.step_against(
        told.gradient, after, state.version, family, clients=rules.expected
    )
    heard = told.losses[list(noise.experts)].tolist()
    report = StepReport(
        reverted=False,
        step_scale=after.step_scale,
        mean_loss=sum(heard) / len(heard),
        expert_losses=told.losses,
        mean_staleness_versions=0.0,
        start="",
        used=sum(c.meta_version == state.version for c in contributions),
        ignored=sum(c.meta_version != state.version for c in contributions),
    )
    return after, family, report


def _clipped_losses(losses: Array, clip: float) -> npt.NDArray[np.int64]:
    finite = np.where(np.isnan(losses), clip, np.clip(losses, 0.0, clip))
    fixed: npt.NDArray[np.int64] = np.floor(finite * LOSS_SCALE).astype(np.int64)
    return fixed
