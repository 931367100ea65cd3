"""FedAvg of a linear model: clients step on their own rows, the server averages by sample counts.

Source: McMahan et al. (2017), AISTATS, algorithm 1, with full-batch local steps.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.learning.dealt import FOLDS, Dealt, Sides, linear

CLIENTS_A_ROUND = 32
LOCAL_STEPS = (1, 5, 20)
# Of a local step, over the curvature of the median client; and of ridge, per row.
RATES = (0.03, 0.1, 0.3, 1.0)
PENALTIES = (0.0, 0.01, 0.1)
# Of steps on a new client's support rows; the rate is over that client's own curvature.
FINE_STEPS = (1, 2, 5, 10, 20, 50, 100)
FINE_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)


class FedAvg(NamedTuple):
    """Errors of new clients with the server's model, and after steps on their support rows."""

    server: float
    tuned_locally: float


class _Moments(NamedTuple):
    """X' X / n [N, q, q], X' y / n [N, q, 1] and rows n [N] of clients; float64."""

    second: Tensor
    cross: Tensor
    rows: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, rows: Tensor) -> "_Moments":
        by = rows[:, None, None]
        return cls(x.mT @ x / by, x.mT @ y.unsqueeze(-1) / by, rows)

    def curvature(self) -> Tensor:
        """Largest eigenvalue of each client's second moments; float64 [N]."""
        values: Tensor = torch.linalg.eigvalsh(self.second)
        return values[:, -1]


class _Grid(NamedTuple):
    """Settings that are tried side by side; float64 [G] each."""

    rates: Tensor
    penalties: Tensor

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> "_Grid":
        return cls(*torch.tensor(pairs, dtype=torch.float64).unbind(-1))


def fedavg(sides: Sides, rounds: int) -> FedAvg:
    """Train, choose and judge.

    Local steps, rate and penalty, and the steps and rate of the tuning on support rows, are the
    best for training entities that the trained model did not see (folds).
    """
    mask = sides.batch.mask
    x = linear(sides.batch.features, sides.inputs) * mask.unsqueeze(-1)
    clients = _Moments.of(x, sides.batch.y * mask, torch.from_numpy(sides.batch.counts).double())
    others = [(sides.folds != fold).nonzero().squeeze(-1) for fold in range(FOLDS)]
    pairs = list(product(RATES, PENALTIES))
    plain: list[tuple[float, tuple[int, int]]] = []
    tuned: list[tuple[float, tuple[int, int], tuple[int, int]]] = []
    for steps in LOCAL_STEPS:
        models = _train(clients, others, _Grid.of(pairs), steps, rounds)[sides.tuning_folds]
        for pair, error in enumerate(_errors(sides.tuning, models).tolist()):
            plain.append((error, (steps, pair)))
        errors = _fine(sides.tuning, models)
        at = int(errors.argmin())
        pair, fine = divmod(at, len(FINE_STEPS) * len(FINE_RATES))
        tuned.append((float(errors.flatten()[at]), (steps, pair), divmod(fine, len(FINE_RATES))))

    def final(choice: tuple[int, int]) -> Tensor:
        steps, pair = choice
        everyone = [torch.arange(len(clients.rows))]
        model = _train(clients, everyone, _Grid.of([pairs[pair]]), steps, rounds)
        return model.expand(len(sides.new.query_y), -1, -1)

    _, server = min(plain)
    _, start, (fine_steps, fine_rate) = min(tuned)
    return FedAvg(
        float(_errors(sides.new, final(server))),
        float(_fine(sides.new, final(start))[0, fine_steps, fine_rate]),
    )


def _train(
    clients: _Moments, members: Sequence[Tensor], grid: _Grid, steps: int, rounds: int
) -> Tensor:
    """Models after all rounds, one a list of members and setting; float64 [F, q, G]."""
    chance = np.random.default_rng(0)
    take = min(CLIENTS_A_ROUND, *(len(some) for some in members))
    rates = grid.rates / clients.curvature().median()
    penalised = torch.ones(clients.cross.shape[1], 1, dtype=torch.float64)
    penalised[0] = 0.0
    server = torch.zeros(len(members), len(penalised), len(rates), dtype=torch.float64)
    for _ in range(rounds):
        drawn = torch.stack(
            [some[torch.from_numpy(chance.permutation(len(some))[:take])] for some in members]
        )
        second, cross, rows = (moments[drawn] for moments in clients)
        local = server.unsqueeze(1).expand(-1, take, -1, -1)
        for _ in range(steps):
            slopes = second @ local - cross + grid.penalties * penalised * local
            local = local - rates * slopes
        weights = rows / rows.sum(1, keepdim=True)
        server = (weights[..., None, None] * local).sum(1)
    return server


def _errors(dealt: Dealt, models: Tensor) -> Tensor:
    """Error of models [B, q, G]; float64 [G]; infinite where training diverged."""
    predictions = (dealt.linear_query() @ models).mT
    errors = dealt.error(dealt.query_y.unsqueeze(1) - predictions)
    return torch.where(torch.isfinite(errors), errors, torch.inf)


def _fine(dealt: Dealt, models: Tensor) -> Tensor:
    """Error after FINE_STEPS steps of FINE_RATES on the support rows; float64 [G, steps, rates]."""
    x = dealt.linear_support()
    own = _Moments.of(x, dealt.support_y, torch.full((len(x),), x.shape[1], dtype=torch.float64))
    rates = torch.tensor(FINE_RATES, dtype=torch.float64)
    by_client = (rates / own.curvature().unsqueeze(-1)).repeat(1, models.shape[-1])
    local = models.repeat_interleave(len(rates), dim=-1)
    found = []
    for step in range(1, max(FINE_STEPS) + 1):
        local = local - by_client.unsqueeze(1) * (own.second @ local - own.cross)
        if step in FINE_STEPS:
            found.append(_errors(dealt, local).reshape(-1, len(rates)))
    return torch.stack(found, dim=1)
