"""Hand-made clients and rounds for the tests of the learning."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scarcity.events.types import EXPERT_COUNT, META_COUNT, SLOPE_LENGTH
from scarcity.learning.client_step import Draw, RowBatch, client_step
from scarcity.learning.features import feature_maps
from scarcity.learning.online_maml import Contribution, DomainState

INPUTS = 3


def some_rows(counts: list[int], seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Clients whose target is the same line plus an offset of their own."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    clients = []
    for count in counts:
        x = normal(count, INPUTS)
        y = x @ torch.tensor([0.5, -1.0, 0.2], dtype=torch.float64)
        clients.append((x, y + 0.5 * normal(1) + 0.1 * normal(count)))
    return clients


def some_batch(counts: list[int], seed: int = 0) -> RowBatch:
    """Return the clients' padded batch under the maps of the family `test`."""
    return RowBatch.of(feature_maps("test", INPUTS), some_rows(counts, seed))


def some_z(seed: int = 0) -> Tensor:
    """Parameters off any special point."""
    generator = torch.Generator().manual_seed(seed)
    z = 0.3 * torch.randn(EXPERT_COUNT, META_COUNT, generator=generator, dtype=torch.float64)
    z[:, -1] -= 1.0
    return z


def honest_round(batch: RowBatch, state: DomainState, number: int) -> list[Contribution]:
    """One insight of every client of the batch on the state's version."""
    draws = [Draw(f"client-{i}", number) for i in range(len(batch.counts))]
    result = client_step(
        batch,
        draws,
        torch.from_numpy(state.z),
        domain="test",
        meta_version=state.version,
        support_rows=5,
        previous_z=None if state.previous_z is None else torch.from_numpy(state.previous_z),
        candidates={name: torch.from_numpy(z) for name, z in state.candidates.items()},
    )
    previous, slopes = result.previous_losses, result.slopes
    assert slopes is not None
    return [
        Contribution(
            draw.client_id,
            draw.sequence,
            state.version,
            losses=result.losses[i],
            samples=int(result.samples[i]),
            previous_losses=None if previous is None else previous[i],
            slopes=slopes[i],
            candidate_losses={n: losses[i] for n, losses in result.candidate_losses.items()}
            or None,
        )
        for i, draw in enumerate(draws)
    ]


def bare_contribution(
    client_id: str = "a",
    *,
    loss: float = 1.0,
    before: float | None = None,
    slope: int | None = None,
    sequence: int = 0,
    version: int = 0,
) -> Contribution:
    """Return an insight with the same figures for every expert."""
    slopes: npt.NDArray[np.int64] | None = None
    if slope is not None:
        slopes = np.full((EXPERT_COUNT, SLOPE_LENGTH), slope, dtype=np.int64)
    return Contribution(
        client_id,
        sequence,
        version,
        losses=np.full(EXPERT_COUNT, loss),
        samples=4,
        previous_losses=None if before is None else np.full(EXPERT_COUNT, before),
        slopes=slopes,
    )
