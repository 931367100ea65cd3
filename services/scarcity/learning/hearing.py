"""What a round's reports change before any step: doubts, running losses and counts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scarcity.learning.contribution import Contribution, typical_losses
from scarcity.learning.doubt import raise_doubts, trust
from scarcity.learning.meta_states import DomainState
from scarcity.learning.settings import TRUST_SCALE, LearningSettings
from scarcity.learning.starts import losses_at_default

Array = npt.NDArray[np.float64]


def hear(
    domain: str,
    state: DomainState,
    used: Sequence[Contribution],
    losses: Array,
    rules: LearningSettings,
) -> DomainState:
    """The next version's state, all but its z.

    Args:
        used: the round's insights that are fresh enough.
        losses: their means; float64 [E], NaN where no one was heard.
    """
    doubts = state.doubts
    if rules.trust and state.previous_z is not None:
        step = state.z - state.previous_z
        doubts = raise_doubts(domain, state.version, step, used, doubts, rules)
    counts = trust(used, doubts, rules).tolist()
    trusted = [c for c, count in zip(used, counts, strict=True) if 2 * count > TRUST_SCALE]
    told = trusted or used
    if told and rules.typical_losses:
        losses = typical_losses([c.losses for c in told])
    after = replace(
        state,
        version=state.version + 1,
        previous_z=state.z,
        domain_losses=running(state.domain_losses, losses, rules.loss_decay),
        insights=state.insights + len(used),
        doubts=doubts,
    )
    if state.version == 0 and told:
        after = replace(after, start_losses=losses_at_default(state.candidates, told))
    return after


def running(before: Array, now: Array, decay: float) -> Array:
    """Exponential mean; NaN stands for nothing heard yet, or not this time.

    >>> running(np.array([1.0, np.nan, 1.0]), np.array([2.0, 2.0, np.nan]), 0.75).tolist()
    [1.25, 2.0, 1.0]
    """
    mixed = np.where(np.isnan(before), now, decay * before + (1 - decay) * now)
    return np.where(np.isnan(now), before, mixed)
