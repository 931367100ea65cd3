"""The same engine with the true mean gradient: what publishing a few slopes costs.

A plain loop in place of the simulation: clients of a round hand over all 128 projections of their
unclipped gradients, so the engine rebuilds their mean exactly, and its cap is off. Gate, rates and
all else are as they are.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.client_step import Draw, RowBatch, client_step
from scarcity.learning.directions import DIRECTION_COUNT
from scarcity.learning.online_maml import (
    Contribution,
    DomainState,
    LearningSettings,
    OnlineMAMLEngine,
)
from scarcity.simulation.populations import Population

# Above any gradient or running median that was seen, below what the int64 transform holds.
NO_BOUND = 1e5


def exact_meta(
    population: Population,
    batch: RowBatch,
    *,
    rounds: int,
    clients: int = 32,
    settings: LearningSettings | None = None,
) -> tuple[Tensor, Tensor]:
    """Learn a domain's parameters from its clients' true mean gradients.

    Args:
        batch: standardised rows of ``population.training``, in its order, in the features of the
            experts that the domain runs.
        clients: drawn a round.

    Returns:
        z, float64 [E, 129], and the running losses of the experts, float64 [E].
    """
    engine = OnlineMAMLEngine(replace(settings or LearningSettings(), cap_factor=NO_BOUND))
    domain, names = population.profile.domain, list(population.training)
    family = engine.start_family(len(population.profile.features))
    state = engine.start(domain, family, {})
    chance = np.random.default_rng(0)
    for number in range(rounds):
        take = min(clients, len(names))
        chosen = np.sort(chance.permutation(len(names))[:take]).tolist()
        draws = [Draw(names[i], number) for i in chosen]
        heard = _contributions(population, batch.select(chosen), draws, state)
        state, family, _ = engine.update(domain, state, family, heard)
    return torch.from_numpy(state.z), torch.from_numpy(state.domain_losses)


def _contributions(
    population: Population, batch: RowBatch, draws: list[Draw], state: DomainState
) -> list[Contribution]:
    before, experts = state.previous_z, list(population.profile.expert_numbers)
    step = client_step(
        batch,
        draws,
        torch.from_numpy(state.z[experts]),
        domain=population.profile.domain,
        meta_version=state.version,
        support_rows=population.profile.support_rows,
        slope_clip=NO_BOUND,
        slopes_per_expert=DIRECTION_COUNT,
        previous_z=None if before is None else torch.from_numpy(before[experts]),
    )
    assert step.slopes is not None
    slopes = np.zeros((len(draws), EXPERT_COUNT, step.slopes.shape[-1]), dtype=np.int64)
    slopes[:, experts] = step.slopes

    def of_all(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        told = np.full((len(draws), EXPERT_COUNT), np.nan)
        told[:, experts] = losses
        return told

    losses = of_all(step.losses)
    previous = None if step.previous_losses is None else of_all(step.previous_losses)
    return [
        Contribution(
            client_id=draw.client_id,
            sequence=draw.sequence,
            meta_version=state.version,
            losses=losses[i],
            samples=int(step.samples[i]),
            previous_losses=None if previous is None else previous[i],
            slopes=slopes[i],
        )
        for i, draw in enumerate(draws)
    ]
