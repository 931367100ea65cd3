"""How far a client counts: less and less, the longer its slopes contradict its own losses.

A running sum per client, that what agrees lowers and what contradicts raises:

    doubt = min(most, max(0, doubt + drift - agreement))

Up to ``doubt_from`` a client counts in full, from ``doubt_out`` on not at all, in between in
proportion: in the step, in the gate's vote and in the losses that clients route by. Honest clients
agree with themselves by more than the drift on average, so their doubt keeps returning to zero.

Source: Page (1954), "Continuous inspection schemes", Biometrika 41, 100-115 (the running sum that
stays above zero); the statistic is ours (learning/agreement.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from scarcity.events.types import SLOPES_PER_INSIGHT
from scarcity.learning.agreement import agreements
from scarcity.learning.contribution import Contribution
from scarcity.learning.settings import TRUST_SCALE, LearningSettings

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def raise_doubts(
    domain: str,
    version: int,
    step: Array,
    told: Sequence[Contribution],
    doubts: Mapping[str, float],
    rules: LearningSettings,
) -> dict[str, float]:
    """Doubts after a round, above 0, by client; at most ``rules.doubts_kept``, the largest.

    Args:
        version: current; insights on other versions are not checked.
        step: from the version before to this one; float64 [E, 129].
        doubts: before the round.
    """
    after = dict(doubts)
    found = agreements(domain, version, step, told)
    for place in sorted(found, key=lambda p: (told[p].client_id, told[p].sequence)):
        one = told[place]
        slopes = SLOPES_PER_INSIGHT if one.slopes is None else one.slopes.shape[1] - 1
        # Cosines over a part of the directions shrink as the root of the part.
        drift = rules.doubt_drift * float(np.sqrt(slopes / SLOPES_PER_INSIGHT))
        doubt = max(0.0, after.pop(one.client_id, 0.0) + drift - found[place])
        if doubt:
            after[one.client_id] = min(doubt, rules.doubt_most)
    if len(after) <= rules.doubts_kept:
        return after
    strongest = sorted(after.items(), key=lambda item: (-item[1], item[0]))
    return dict(strongest[: rules.doubts_kept])


def trust(
    told: Sequence[Contribution], doubts: Mapping[str, float], rules: LearningSettings
) -> Ints:
    """How far each insight counts; int64 [n], units of 1 / TRUST_SCALE.

    When together they would count less than one client, all count in full: then the check has
    failed, and a domain that stands still could never find that out.
    """
    width = rules.doubt_out - rules.doubt_from
    doubt = np.array([doubts.get(one.client_id, 0.0) for one in told])
    share = np.clip((rules.doubt_out - doubt) / width, 0.0, 1.0)
    counts: Ints = np.rint(share * TRUST_SCALE).astype(np.int64)
    return counts if int(counts.sum()) >= TRUST_SCALE else np.full_like(counts, TRUST_SCALE)
