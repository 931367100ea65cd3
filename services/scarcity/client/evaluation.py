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
from scarcity.learning.adaptation import fit_ridge
from scarcity.learning.client_step import Draw, RowBatch, split_rows
from scarcity.learning.features import FeatureMaps
from scarcity.learning.routing import routing_weights


@dataclass(frozen=True)
class Scores:
    """Mean over new clients of the mean squared error; target standardised.

    Attributes:
        expert_errors: of each adapted expert that clients run, alone; float64 [E].
        routing: mean routing weight of each; float64 [E].
    """

    routed: float
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
    def score(self, z: Tensor, domain_losses: Tensor) -> Scores:
        """Judge meta-parameters.

        Args:
            z: of all experts; float64 [10, 129].
            domain_losses: of all experts; float64 [10]; NaN where none was heard.
        """
        z, domain_losses = z[self._experts], domain_losses[self._experts]
        totals = torch.zeros(2, dtype=torch.float64)
        experts, routing = torch.zeros(2, len(z), dtype=torch.float64)
        for part in self._splits:
            fit = fit_ridge(z, part.support, part.support_y)
            predictions = (part.query @ fit.weights.unsqueeze(-1)).squeeze(-1)
            weights = routing_weights(fit.loo_residuals().square().mean(-1), domain_losses)
            routed = (weights.unsqueeze(-1) * predictions).sum(1)
            totals[0] += mean_query_error(part, routed)
            totals[1] += mean_query_error(part, predictions.mean(1))
            experts += torch.stack(
                [mean_query_error(part, predictions[:, e]) for e in range(len(z))]
            )
            routing += weights.mean(0)
        n = len(self._splits)
        routed_error, uniform_error = (totals / n).tolist()
        return Scores(routed_error, uniform_error, (experts / n).tolist(), (routing / n).tolist())

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
