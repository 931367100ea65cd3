"""The same engine with the true mean gradient: what publishing a few slopes costs.

A plain loop in place of the simulation: clients of a round hand over all 128 projections of their
unclipped gradients, so the engine rebuilds their mean exactly, and its cap is off. Gate, rates and
all else are as they are.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

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
        batch: standardised rows of ``population.training``, in its order.
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
    before = state.previous_z
    step = client_step(
        batch,
        draws,
        torch.from_numpy(state.z),
        domain=population.profile.domain,
        meta_version=state.version,
        support_rows=population.profile.support_rows,
        slope_clip=NO_BOUND,
        slopes_per_expert=DIRECTION_COUNT,
        previous_z=None if before is None else torch.from_numpy(before),
    )
    assert step.slopes is not None
    return [
        Contribution(
            client_id=draw.client_id,
            sequence=draw.sequence,
            meta_version=state.version,
            losses=step.losses[i],
            samples=int(step.samples[i]),
            previous_losses=None if step.previous_losses is None else step.previous_losses[i],
            slopes=step.slopes[i],
        )
        for i, draw in enumerate(draws)
    ]
