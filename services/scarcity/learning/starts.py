"""Where a new domain begins: candidates are tried by its first clients, the best by median wins."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from scarcity.learning.contribution import Contribution, lower_median, typical_losses
from scarcity.learning.gate import relative_change
from scarcity.learning.initial import carry_over, default_z
from scarcity.learning.meta_states import FamilyState
from scarcity.learning.settings import LOSS_SCALE

Array = npt.NDArray[np.float64]

DEFAULT_START = "default"
FAMILY_START = "family"
MAX_FOREIGN_STARTS = 4


def starting_points(family: FamilyState, others: Mapping[str, FamilyState]) -> dict[str, Array]:
    """Candidates by name, float64 [E, 129] each; the first is the one that is used meanwhile.

    Empty when no family has been taught: then there is nothing to try against the default.
    """
    taught = [name for name in sorted(others) if others[name].updates]
    candidates: dict[str, Array] = {}
    if family.updates:
        candidates[FAMILY_START] = family.z0
    if family.updates or taught:
        candidates[DEFAULT_START] = default_z(family.inputs)
    for name in taught[:MAX_FOREIGN_STARTS]:
        candidates[f"from-{name}"] = carry_over(
            others[name].z0, from_inputs=others[name].inputs, to_inputs=family.inputs
        )
    return candidates


def base_start(candidates: Mapping[str, Array]) -> str:
    """Name of the candidate that clients adapt from until one is chosen."""
    return FAMILY_START if FAMILY_START in candidates else DEFAULT_START


def choose_start(candidates: Mapping[str, Array], contributions: Sequence[Contribution]) -> str:
    """Name of the candidate with the best median over clients; the base on a tie or if untried."""
    base = base_start(candidates)
    reports = [
        c.candidate_losses
        for c in contributions
        if c.candidate_losses is not None and candidates.keys() <= c.candidate_losses.keys()
    ]
    if not reports:
        return base

    def median_change(name: str) -> int:
        changes = [relative_change(r[name], r[base]) for r in reports]
        fixed = np.rint(np.array(changes) * LOSS_SCALE).astype(np.int64)
        return int(lower_median(fixed))

    return min(sorted(candidates), key=lambda name: (median_change(name), name != base))


def losses_at_default(
    candidates: Mapping[str, Array], contributions: Sequence[Contribution]
) -> Array:
    """Typical losses under the default start, from a domain's first round; float64 [E].

    NaN where no one told any. Without candidates the default start is the one that is used.
    """
    if not candidates:
        return typical_losses([c.losses for c in contributions])
    tried = [c.candidate_losses or {} for c in contributions]
    told = [losses[DEFAULT_START] for losses in tried if DEFAULT_START in losses]
    unheard = np.full(len(candidates[DEFAULT_START]), np.nan)
    return typical_losses(told) if told else unheard
