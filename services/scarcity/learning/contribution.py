"""An insight as the meta-learner sees it, and the order-free figures of a round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.directions import DIRECTION_COUNT, block_number, fwht, signs
from scarcity.learning.settings import LOSS_BOUND, LOSS_SCALE, TRUST_SCALE, WEIGHT_SCALE

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True)
class Contribution:
    """What one client adds to a round.

    Attributes:
        losses: float64 [E]; NaN where the client does not run the expert.
        samples: query rows behind the losses.
        previous_losses: under the version before, on the same split; float64 [E] or None.
        slopes: int64 [E, m + 1], units of 2**-24; None: losses only. All-zero rows where an
            expert is missing are indistinguishable from a flat loss and harmless.
        candidate_losses: float64 [E] by candidate, in a domain's first round.
    """

    client_id: str
    sequence: int
    meta_version: int
    losses: Array
    samples: int
    previous_losses: Array | None = None
    slopes: Ints | None = None
    candidate_losses: Mapping[str, Array] | None = None


def lower_median(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Lower median along the first axis, an element of the data: no rounding, no order.

    >>> lower_median(np.array([[4], [1], [3], [2]])).tolist()
    [2]
    """
    middle: npt.NDArray[Number] = np.sort(values, axis=0)[(len(values) - 1) // 2]
    return middle


def to_fixed(losses: Array) -> Ints:
    """Losses in units of 2**-24, bounded; NaN becomes -1."""
    bounded = np.minimum(np.where(np.isnan(losses), 0.0, losses), LOSS_BOUND)
    fixed = np.rint(bounded * LOSS_SCALE).astype(np.int64)
    return np.where(np.isnan(losses), np.int64(-1), fixed)


def mean_losses(contributions: Sequence[Contribution], *, cap_medians: int = 4) -> Array:
    """Mean loss of each expert over clients; float64 [E]; NaN where no one reported.

    Each loss counts at most ``cap_medians`` medians: one client cannot hide an expert from all.
    """
    losses = to_fixed(np.stack([c.losses for c in contributions]))
    result = np.full(losses.shape[1], np.nan)
    for expert in range(losses.shape[1]):
        heard = losses[losses[:, expert] >= 0, expert]
        if len(heard):
            capped = np.minimum(heard, cap_medians * lower_median(heard))
            result[expert] = float(capped.sum()) / (len(heard) * LOSS_SCALE)
    return result


def typical_losses(losses: Sequence[Array]) -> Array:
    """What clients typically lose with each expert; float64 [E]; NaN where no one reported.

    The median client's mean loss, times each expert's median share of its client's mean: a minority
    can make no expert look better or worse than most clients find it.

    Args:
        losses: of each client, at least one; float64 [E], NaN where it does not run the expert.
    """
    told = np.minimum(np.stack(losses), LOSS_BOUND)
    heard = ~np.isnan(told)
    total, many = np.zeros(len(told)), heard.sum(axis=1)
    for expert in range(told.shape[1]):
        total = total + np.where(heard[:, expert], told[:, expert], 0.0)
    says = total > 0
    if not says.any():
        return np.where(heard.any(axis=0), 0.0, np.nan)
    means = total[says] / many[says]
    result = np.full(told.shape[1], np.nan)
    for expert in range(told.shape[1]):
        reports = heard[says, expert]
        if reports.any():
            shares = told[says, expert][reports] / means[reports]
            result[expert] = float(lower_median(shares) * lower_median(means))
    return result


def with_common_slopes(contributions: Sequence[Contribution]) -> list[Contribution]:
    """Those whose slopes are as many as most contributions carry; on a tie, the fewer slopes.

    A domain's clients agree on m. Slopes of another number were shaped by another profile, and
    fewer of them would weigh more: 128 / m stands for the directions that were not reported.
    """
    lengths = [c.slopes.shape[1] for c in contributions if c.slopes is not None]
    if not lengths:
        return []
    common = max(sorted(set(lengths)), key=lengths.count)
    return [c for c in contributions if c.slopes is not None and c.slopes.shape[1] == common]


def slope_norms(slopes: Ints) -> Array:
    """Norms of each client's slopes, by expert; int64 [n, E, m + 1] to float64 [n, E]."""
    scaled = slopes.astype(np.float64) / SLOPE_SCALE
    squares: Array = np.zeros(slopes.shape[:2])
    for column in range(slopes.shape[2]):
        squares = squares + scaled[:, :, column] * scaled[:, :, column]
    norms: Array = np.sqrt(squares)
    return norms


def cap_slopes(slopes: Ints, norms: Array, cap: Array) -> Ints:
    """Cut slopes [n, E, m + 1] whose norm [n, E] exceeds the cap [E] down to it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(norms > cap, cap / norms, 1.0)
    capped: Ints = np.rint(slopes.astype(np.float64) * factor[:, :, None]).astype(np.int64)
    return capped


def reconstruct(
    domain: str,
    version: int,
    contributions: Sequence[Contribution],
    slopes: Ints,
    counts: Ints | None = None,
    *,
    weigh_staleness: bool = True,
) -> Array:
    """Rebuild the mean gradient from the slopes of a round; float64 [E, 129].

    Within a group of insights of one meta-version, Q (sum w s / sum w, per column) * 128 / covered:
    unbiased when blocks are drawn uniformly, exact when every column is reported. Groups are
    averaged by their weight. All sums are of integers; Q is applied by exact integer butterflies.

    Args:
        version: the domain's current version.
        slopes: the contributions' capped slopes; int64 [n, E, m + 1].
        counts: how far each counts, units of 1 / TRUST_SCALE; int64 [n]; None: all in full.
        weigh_staleness: an insight's weight is 1 / (1 + staleness); otherwise 1.

    Source: Kozak et al. (2021), Comput. Optim. Appl. 79, 339-368; the staleness weights are ours.
    """
    if counts is None:
        counts = np.full(len(slopes), TRUST_SCALE, dtype=np.int64)
    total, weight_sum = np.zeros((slopes.shape[1], DIRECTION_COUNT + 1)), 0
    heard = [i for i, count in enumerate(counts.tolist()) if count]
    for group in sorted({contributions[i].meta_version for i in heard}):
        members = [i for i in heard if contributions[i].meta_version == group]
        weight = WEIGHT_SCALE // (1 + version - group) if weigh_staleness else WEIGHT_SCALE
        gradient = _group_gradient(
            domain, group, [contributions[i] for i in members], slopes[members], counts[members]
        )
        weight *= int(counts[members].sum())
        total = total + float(weight) * gradient
        weight_sum += weight
    return total / float(weight_sum)


# Bits below 2**-24 that the mean slope keeps before the integer transform.
_GUARD = 2**12


def _group_gradient(
    domain: str, version: int, members: Sequence[Contribution], slopes: Ints, counts: Ints
) -> Array:
    experts, columns = slopes.shape[1], slopes.shape[2] - 1
    block_count = DIRECTION_COUNT // columns
    blocks = np.array([block_number(m.client_id, m.sequence, columns) for m in members])
    weighed = slopes * counts[:, None, None]
    by_block = np.zeros((block_count, experts, columns), dtype=np.int64)
    np.add.at(by_block, blocks, weighed[:, :, :-1])
    sums = by_block.transpose(1, 0, 2).reshape(experts, DIRECTION_COUNT)
    by_count = np.zeros(block_count, dtype=np.int64)
    np.add.at(by_count, blocks, counts)
    reports = np.repeat(by_count, columns)
    # A block that only doubted clients report counts for less than a client.
    means = sums.astype(np.float64) / np.maximum(reports, TRUST_SCALE) * _GUARD
    turned = fwht(np.rint(means).astype(np.int64)) * signs(domain, version)
    scale = float(DIRECTION_COUNT) / float((reports > 0).sum()) / np.sqrt(float(DIRECTION_COUNT))
    gradient = np.empty((experts, DIRECTION_COUNT + 1))
    gradient[:, :-1] = turned.astype(np.float64) / (_GUARD * SLOPE_SCALE) * scale
    by_sigma = weighed[:, :, -1].sum(axis=0).astype(np.float64)
    gradient[:, -1] = by_sigma / (int(counts.sum()) * SLOPE_SCALE)
    return gradient
