"""A panel as its rivals see it: pooled rows, and rows dealt into support and query.

New clients are dealt exactly as `NewClients` deals them, so every column of a table is judged on
the same rows. Choices (penalties, rates, features) are made on the training entities alone, dealt
in the same way: a model that is judged on an entity there has not seen its rows (folds).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from scarcity.client.table import Rows
from scarcity.learning.client_step import Draw, RowBatch, split_rows
from scarcity.learning.features import feature_maps
from scarcity.simulation.populations import Population

DEALS = 5  # of a new client's rows
TUNED_ON = 400  # deals of training entities, about: more of them would not move a choice
FOLDS = 5


@dataclass(frozen=True)
class Dealt:
    """Rows of some entities, each dealt a few times; B = deals x entities.

    Attributes:
        support: features of all experts; float64 [B, E, k, 64].
        support_y: float64 [B, k].
        query: float64 [B, E, n, 64]: all rows, as `client_step.Split` keeps them.
        query_y, mask: float64 [B, n]; mask is 1 where a row is of the query.
        inputs: number p of columns.
    """

    support: Tensor
    support_y: Tensor
    query: Tensor
    query_y: Tensor
    mask: Tensor
    inputs: int

    def error(self, residuals: Tensor) -> Tensor:
        """Mean over entities and deals of the mean squared query error.

        Args:
            residuals: query_y - prediction; float64 [B, ..., n].

        Returns:
            float64 [...].
        """
        between = [1] * (residuals.dim() - 2)
        mask = self.mask.reshape(len(self.mask), *between, -1)
        squares = residuals.square() * mask
        return (squares.sum(-1) / mask.sum(-1)).mean(0)

    def linear_support(self) -> Tensor:
        """Return 1 and the standardised inputs; float64 [B, k, p + 1]."""
        return linear(self.support, self.inputs)

    def linear_query(self) -> Tensor:
        """Return 1 and the standardised inputs; float64 [B, n, p + 1]."""
        return linear(self.query, self.inputs)


@dataclass(frozen=True)
class Sides:
    """Both sides of a split.

    Attributes:
        batch: all rows of the entities that take part.
        folds: of each of them, 0 to FOLDS - 1; int64 [N].
        tuning: some of them, dealt: TUNED_ON deals, DEALS at most of an entity.
        tuning_folds: int64 [B of tuning].
        new: the entities that never take part, dealt.
    """

    batch: RowBatch
    folds: Tensor
    tuning: Dealt
    tuning_folds: Tensor
    new: Dealt
    inputs: int

    @classmethod
    def of(cls, population: Population) -> "Sides":
        """Standardise by the domain's profile and deal."""
        profile = population.profile
        names = list(population.training)
        batch = _batch(population, [population.training[name] for name in names])
        folds = torch.from_numpy(np.random.default_rng(0).permutation(len(names)) % FOLDS)
        deals = min(DEALS, max(2, TUNED_ON // len(names)))
        tuned_on = list(range(min(TUNED_ON // deals, len(names))))
        new = {n: r for n, r in population.new.items() if len(r) > profile.support_rows}
        return cls(
            batch=batch,
            folds=folds,
            tuning=_deal(
                batch.select(tuned_on),
                [names[i] for i in tuned_on],
                profile.support_rows,
                deals,
                len(profile.features),
            ),
            tuning_folds=folds[tuned_on].repeat(deals),
            new=_deal(
                _batch(population, list(new.values())),
                list(new),
                profile.support_rows,
                DEALS,
                len(profile.features),
            ),
            inputs=len(profile.features),
        )


def linear(features: Tensor, inputs: int) -> Tensor:
    """Return 1 and the inputs, out of every expert's features [..., E, n, 64]; [..., n, p + 1]."""
    columns = features[..., 0, :, : inputs + 1].clone()
    columns[..., 1:] *= sqrt(inputs)
    return columns


def _batch(population: Population, rows: Sequence[Rows]) -> RowBatch:
    profile = population.profile
    maps = feature_maps(profile.map_seed, len(profile.features))
    scaled = [r.standardised(profile) for r in rows]
    return RowBatch.of(maps, [(torch.from_numpy(r.x), torch.from_numpy(r.y)) for r in scaled])


def _deal(
    batch: RowBatch, names: Sequence[str], support_rows: int, deals: int, inputs: int
) -> Dealt:
    parts = [
        split_rows(batch, [Draw(name, i) for name in names], support_rows) for i in range(deals)
    ]
    return Dealt(
        support=torch.cat([part.support for part in parts]),
        support_y=torch.cat([part.support_y for part in parts]),
        query=torch.cat([part.query for part in parts]),
        query_y=torch.cat([part.query_y for part in parts]),
        mask=torch.cat([part.query_mask for part in parts]),
        inputs=inputs,
    )
