"""How good peers' priors are: for newcomers who ask a peer, and for the peers themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scarcity.client.holdings import domain_maps
from scarcity.client.table import Rows
from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.adaptation import fit_ridge
from scarcity.learning.client_step import RowBatch
from scarcity.learning.routing import routing_weights
from scarcity.simulation.chance import generator
from scarcity.simulation.populations import Population


def hold_out(population: Population, share: float, seed: int) -> tuple[Population, dict[str, Rows]]:
    """Keep a share of each client's rows apart, at least one, as far as it leaves enough to learn.

    Returns:
        The population without these rows, and the rows by client.
    """
    if share == 0:
        return population, {}
    kept, apart = {}, {}
    for name, rows in population.training.items():
        # One row more than the support is what a client needs to take part.
        many = min(
            max(1, round(share * len(rows))), len(rows) - population.profile.support_rows - 1
        )
        order = generator(seed, name, "held-out").permutation(len(rows))
        if many > 0:
            apart[name] = Rows(rows.x[order[:many]], rows.y[order[:many]])
        own = sorted(order[max(many, 0) :].tolist())
        kept[name] = Rows(rows.x[own], rows.y[own])
    return Population(population.profile, kept, population.new), apart


@dataclass(frozen=True)
class OwnRows:
    """Rows of some clients, those they learn from and those kept apart."""

    names: list[str]
    experts: list[int]
    learned: RowBatch
    apart: RowBatch

    @classmethod
    def of(
        cls, profile: DomainProfile, learned: Mapping[str, Rows], apart: Mapping[str, Rows]
    ) -> "OwnRows":
        """Standardise and compute features; ``apart`` says which clients."""
        maps, names = domain_maps(profile), list(apart)

        def batch(rows: Mapping[str, Rows]) -> RowBatch:
            scaled = [rows[name].standardised(profile) for name in names]
            return RowBatch.of(
                maps, [(torch.from_numpy(r.x), torch.from_numpy(r.y)) for r in scaled]
            )

        return cls(names, list(profile.expert_numbers), batch(learned), batch(apart))

    @torch.no_grad()
    def error(self, priors: Sequence[Tensor], domain_losses: Tensor) -> float:
        """Mean over clients of the mean squared error on the rows kept apart.

        Each adapts its own prior, z float64 [10, 129], to all rows it learns from.
        """
        z = torch.stack(list(priors))[:, self.experts]
        mask = self.learned.mask
        features, y = self.learned.features * mask[:, None, :, None], self.learned.y * mask
        fit = fit_ridge(z, features, y)
        losses = fit.loo_residuals().square().sum(-1) / mask.sum(-1, keepdim=True)
        weights = routing_weights(losses, domain_losses[self.experts])
        by_expert = (self.apart.features @ fit.weights.unsqueeze(-1)).squeeze(-1)
        predicted = (weights.unsqueeze(-1) * by_expert).sum(1)
        squares = (self.apart.y - predicted).square() * self.apart.mask
        return float((squares.sum(-1) / self.apart.mask.sum(-1)).mean())
