"""Did the last step help? The clients' paired losses vote, and a harmful step is taken back."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scarcity.learning.contribution import Contribution
from scarcity.learning.settings import TRUST_SCALE, LearningSettings

Array = npt.NDArray[np.float64]


def relative_change(after: Array, before: Array) -> float:
    """Sum over experts of (after - before) / (after + before): bounded, so no expert rules.

    >>> relative_change(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    0.5
    """
    total = 0.0
    for new, old in zip(after.tolist(), before.tolist(), strict=True):
        # False for NaN too: an expert that one side does not report has no vote.
        if new + old > 0.0:
            total += (new - old) / (new + old)
    return total


def excess_of_worse(
    version: int,
    contributions: Sequence[Contribution],
    settings: LearningSettings,
    counts: npt.NDArray[np.int64] | None = None,
) -> float | None:
    """Share of clients that got worse, less 1/2 and a margin for chance; None: too few to say.

    Only insights on ``version`` itself that carry the losses under the version before count.

    Args:
        counts: how far each counts, units of 1 / TRUST_SCALE; int64 [n]; None: all in full.
    """
    told = [TRUST_SCALE] * len(contributions) if counts is None else counts.tolist()
    half_votes, votes = 0, 0
    for contribution, count in zip(contributions, told, strict=True):
        if contribution.previous_losses is None or contribution.meta_version != version:
            continue
        change = relative_change(contribution.losses, contribution.previous_losses)
        half_votes += count * (2 if change > 0 else 1 if change == 0 else 0)
        votes += count
    return excess_of(half_votes, votes, votes / TRUST_SCALE, settings)


def excess_of(
    half_votes: int, votes: int, voters: float, settings: LearningSettings
) -> float | None:
    """The same from sums; ``half_votes``: twice the votes that something got worse."""
    if voters < settings.gate_min_clients:
        return None
    margin = settings.gate_margin / float(np.sqrt(voters))
    return half_votes / (2 * votes) - 0.5 - margin
