"""A round of which only the sum over clients is known.

As in a round of insights, the mean gradient moves the start and votes take a harmful step back. The
cap by running medians, trust, medians of losses and the trial of starts look at single clients:
they are left out, and what a client cuts of its own accord takes the place of the cap.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.directions import DIRECTION_COUNT, fwht, signs
from scarcity.learning.gate import excess_of
from scarcity.learning.hearing import running
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine, StepReport
from scarcity.learning.settings import LOSS_SCALE
from scarcity.learning.sum_layout import Summed

Array = npt.NDArray[np.float64]
# Bits below 2**-24 that a mean slope keeps before the integer transform.
_GUARD = 2**12


def mean_gradient(domain: str, version: int, told: Summed) -> Array:
    """The clients' mean gradient; float64 [10, 129], loss per unit of z.

    What :func:`scarcity.learning.contribution.reconstruct` gives when each client reports every
    direction and counts in full.
    """
    means = told.slopes.astype(np.float64) / told.clients
    turned = fwht(np.rint(means[:, :-1] * _GUARD).astype(np.int64)) * signs(domain, version)
    gradient = np.empty_like(means)
    root = np.sqrt(float(DIRECTION_COUNT))
    gradient[:, :-1] = turned.astype(np.float64) / (_GUARD * SLOPE_SCALE) / root
    gradient[:, -1] = means[:, -1] / SLOPE_SCALE
    return gradient


def mean_losses(told: Summed) -> Array:
    """Mean of the clients' cut losses; float64 [10]; NaN where nobody told any."""
    heard = np.maximum(told.heard, 1)
    return np.where(told.heard > 0, told.losses / (heard * LOSS_SCALE), np.nan)


def update_summed(
    engine: OnlineMAMLEngine,
    domain: str,
    state: DomainState,
    family: FamilyState,
    told: Summed,
) -> tuple[DomainState, FamilyState, StepReport]:
    """Make the next version of a domain; all terms were measured on the current one."""
    rules, losses = engine.settings, mean_losses(told)
    after = replace(
        state,
        version=state.version + 1,
        previous_z=state.z,
        domain_losses=running(state.domain_losses, losses, rules.loss_decay),
        insights=state.insights + told.clients,
        candidates={},
    )
    if state.version == 0 and not state.candidates:
        after = replace(after, start_losses=losses)
    after, reverted = engine.judge(
        after, excess_of(told.half_votes, told.voters, told.voters, rules)
    )
    if reverted:
        after, family = engine.take_back(after, state, family)
    else:
        gradient = mean_gradient(domain, state.version, told)
        after, family = engine.step_against(
            gradient, after, state.version, family, clients=told.clients
        )
    heard = losses[~np.isnan(losses)].tolist()
    report = StepReport(
        reverted=reverted,
        step_scale=after.step_scale,
        mean_loss=sum(heard) / len(heard) if heard else None,
        expert_losses=losses,
        mean_staleness_versions=0.0,
        start="",
        used=told.clients,
        ignored=0,
    )
    return after, family, report
