"""Prequential losses: each row that comes is predicted before anyone learns of it.

The client predicts it as it would at that moment: adapted, from the newest version it can have, to
the rows it holds, experts weighed by their own leave-one-out losses and the domain's. Then it holds
the row, and a later insight tells of it.

Source: Gama, Sebastiao and Rodrigues (2013), Machine Learning 90, section 3 ("predictive
sequential": test, then train).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from scarcity.client.holdings import domain_maps
from scarcity.client.own_ridge import mean_query_error, ridge_errors
from scarcity.client.table import Rows
from scarcity.client.versions import Version, unheard
from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.client_step import RowBatch, Split
from scarcity.learning.initial import default_z
from scarcity.learning.own_start import Ensemble, believing, ensemble
from scarcity.simulation.result import PrequentialLine


class Prequential:
    """Losses of one domain's stream, beside two that learn nothing from others.

    Args:
        profile: complete.
    """

    def __init__(self, profile: DomainProfile) -> None:
        self._profile = profile
        self._maps = domain_maps(profile)
        self._experts = list(profile.expert_numbers)
        default = torch.from_numpy(default_z(len(profile.features)))
        self._default = default
        self._lines: list[PrequentialLine] = []
        self._ridge: list[Tensor] = []

    @torch.no_grad()
    def test(
        self,
        held: Mapping[str, Rows],
        coming: Mapping[str, Rows],
        version: Version,
        at_s: float,
    ) -> None:
        """Predict the rows that come from the rows that are held; equally many for each client."""
        support = self._batch([held[name] for name in coming])
        query = self._batch(list(coming.values()))
        split = Split(
            support.features, support.y, query.features, query.y, torch.ones_like(query.y)
        )
        adapted = self._adapt(split, version.z, version.domain_losses)
        own = self._adapt(split, self._default, unheard())
        believed = believing(
            adapted,
            own,
            version.domain_losses[self._experts],
            version.start_losses[self._experts],
        )
        self._ridge.append(ridge_errors(split, len(self._profile.features)))
        self._lines.append(
            PrequentialLine(
                domain=version.domain,
                version=version.number,
                at_s=at_s,
                rows=len(coming),
                routed=float(mean_query_error(split, believed)),
                no_meta=float(mean_query_error(split, own.routed)),
                own_ridge=0.0,
                own_mean=float(
                    mean_query_error(split, support.y.mean(-1, keepdim=True).expand_as(query.y))
                ),
            )
        )

    def lines(self) -> list[PrequentialLine]:
        """All of them; the own ridge's penalties are the best for the whole stream."""
        if not self._lines:
            return []
        ridge = torch.stack(self._ridge)
        rows = torch.tensor([float(line.rows) for line in self._lines], dtype=torch.float64)
        best = int((rows @ ridge).argmin())
        return [
            PrequentialLine(
                line.domain,
                line.version,
                line.at_s,
                line.rows,
                line.routed,
                line.no_meta,
                float(own[best]),
                line.own_mean,
            )
            for line, own in zip(self._lines, ridge, strict=True)
        ]

    def _adapt(self, split: Split, z: Tensor, domain_losses: Tensor) -> Ensemble:
        some = self._experts
        return ensemble(z[some], split.support, split.support_y, split.query, domain_losses[some])

    def _batch(self, clients: list[Rows]) -> RowBatch:
        standardised = [rows.standardised(self._profile) for rows in clients]
        return RowBatch.of(
            self._maps, [(torch.from_numpy(r.x), torch.from_numpy(r.y)) for r in standardised]
        )
