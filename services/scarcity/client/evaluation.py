"""How well clients that never took part do with today's meta-parameters, beside doing without.

Each new client adapts to a few of its own rows and is judged on the others, over several seeded
splits. What it could do alone is made as strong as it can be: ridge on the same rows, with both
penalties chosen for the whole domain by the very errors that are reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from scarcity.client.own_ridge import mean_query_error, ridge_errors
from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.client_step import Draw, RowBatch, split_rows
from scarcity.learning.features import FeatureMaps
from scarcity.learning.initial import default_z
from scarcity.learning.own_start import Ensemble, believing, ensemble


@dataclass(frozen=True)
class Scores:
    """Mean over new clients of the mean squared error; target standardised.

    Attributes:
        expert_errors: of each adapted expert that clients run, alone; float64 [E].
        routing: mean routing weight of each; float64 [E].
        domain_routed: of the domain's experts by these weights.
        routed: the same, mixed with those adapted from the default start as far as a client does
            not believe its domain (learning/own_start.py).
    """

    routed: float
    domain_routed: float
    uniform: float
    expert_errors: list[float]
    routing: list[float]


class NewClients:
    """Rows of clients that publish nothing, dealt into support and query a few times."""

    def __init__(
        self,
        maps: FeatureMaps,
        clients: Mapping[str, tuple[Tensor, Tensor]],
        *,
        support_rows: int,
        splits: int = 5,
        experts: Sequence[int] = tuple(range(EXPERT_COUNT)),
    ) -> None:
        """Deal the rows.

        Args:
            maps: of ``experts`` alone.
            clients: standardised rows by client: x float64 [n, p], y float64 [n].
            support_rows: rows each adapts on; clients without a row more are left out.
            splits: how often the rows are dealt.
            experts: numbers of those that the domain's clients run.

        Raises:
            ValueError: no client has more than ``support_rows`` rows.
        """
        kept = {name: rows for name, rows in clients.items() if len(rows[1]) > support_rows}
        if not kept:
            raise ValueError(f"no new client has more than {support_rows} rows")
        batch = RowBatch.of(maps, list(kept.values()))
        self.count = len(kept)
        self.inputs = maps.inputs
        self._experts = list(experts)
        self._splits = [
            split_rows(batch, [Draw(name, number) for name in kept], support_rows)
            for number in range(splits)
        ]

    @torch.no_grad()
    def score(self, z: Tensor, domain_losses: Tensor, start_losses: Tensor | None = None) -> Scores:
        """Judge meta-parameters.

        Args:
            z: of all experts; float64 [10, 129].
            domain_losses: of all experts; float64 [10]; NaN where none was heard.
            start_losses: under the default start, likewise; None: not known.
        """
        z, domain_losses = z[self._experts], domain_losses[self._experts]
        if start_losses is None:
            start_losses = torch.full((EXPERT_COUNT,), torch.nan, dtype=torch.float64)
        start_losses = start_losses[self._experts]
        totals = torch.zeros(3, dtype=torch.float64)
        experts, routing = torch.zeros(2, len(z), dtype=torch.float64)
        for part, own in zip(self._splits, self._own_start, strict=True):
            adapted = ensemble(z, part.support, part.support_y, part.query, domain_losses)
            routed = believing(adapted, own, domain_losses, start_losses)
            predictions = adapted.predictions
            totals[0] += mean_query_error(part, routed)
            totals[1] += mean_query_error(part, adapted.routed)
            totals[2] += mean_query_error(part, predictions.mean(1))
            experts += torch.stack(
                [mean_query_error(part, predictions[:, e]) for e in range(len(z))]
            )
            routing += adapted.weights.mean(0)
        n = len(self._splits)
        routed, domain_routed, uniform = (totals / n).tolist()
        return Scores(
            routed, domain_routed, uniform, (experts / n).tolist(), (routing / n).tolist()
        )

    @cached_property
    def _own_start(self) -> list[Ensemble]:
        z = torch.from_numpy(default_z(self.inputs))[self._experts]
        unheard = torch.full((len(z),), torch.nan, dtype=torch.float64)
        return [
            ensemble(z, part.support, part.support_y, part.query, unheard) for part in self._splits
        ]

    @cached_property
    def own_start(self) -> float:
        """Error of the experts adapted from the default start, routed by the own rows alone."""
        return sum(
            float(mean_query_error(part, own.routed))
            for part, own in zip(self._splits, self._own_start, strict=True)
        ) / len(self._splits)

    @cached_property
    def own_mean(self) -> float:
        """Error of the mean of the client's own support rows."""
        return sum(
            float(
                mean_query_error(
                    part, part.support_y.mean(-1, keepdim=True).expand_as(part.query_y)
                )
            )
            for part in self._splits
        ) / len(self._splits)

    @cached_property
    def own_ridge(self) -> float:
        """Error of the best ridge on the client's own support rows, linear in the columns."""
        errors = torch.stack([ridge_errors(part, self.inputs) for part in self._splits])
        return float(errors.mean(0).min())
