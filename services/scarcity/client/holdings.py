"""The rows of a process's clients, standardised and turned into features; nothing of it leaves."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from scarcity.client.table import Rows
from scarcity.events.client_registered import Moments
from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.client_step import Draw, RowBatch
from scarcity.learning.features import FeatureMaps, feature_maps

# Rows that a step looks at; a client with more deals itself another draw of them each time.
STEP_ROWS = 2048
# Features of this many (padded) rows are kept between rounds: 10 * 64 * 8 bytes a row.
KEPT_ROWS = 65_536


class Holdings:
    """Rows of several clients on the scale of their domain.

    Args:
        profile: complete.
        rows: of each client, not standardised.
    """

    def __init__(self, profile: DomainProfile, rows: Mapping[str, Rows]) -> None:
        self._maps = domain_maps(profile)
        self._rows = {client: own.standardised(profile) for client, own in rows.items()}
        self._index = {client: place for place, client in enumerate(rows)}
        longest = max(map(len, rows.values()))
        fits = longest <= STEP_ROWS and longest * len(rows) <= KEPT_ROWS
        self._kept = self._fresh(list(rows), 0) if fits else None

    def batch(self, draws: Sequence[Draw]) -> RowBatch:
        """Features and targets of some clients, in the order of ``draws``."""
        clients = [draw.client_id for draw in draws]
        if self._kept is not None:
            return self._kept.select([self._index[client] for client in clients])
        return self._fresh(clients, draws[0].sequence)

    def _fresh(self, clients: Sequence[str], sequence: int) -> RowBatch:
        dealt = []
        for client in clients:
            rows = self._rows[client]
            if len(rows) > STEP_ROWS:
                chosen = np.random.default_rng(sequence).choice(len(rows), STEP_ROWS, replace=False)
                rows = Rows(rows.x[chosen], rows.y[chosen])
            dealt.append((torch.from_numpy(rows.x), torch.from_numpy(rows.y)))
        return RowBatch.of(self._maps, dealt)


def domain_maps(profile: DomainProfile) -> FeatureMaps:
    """Feature maps of the experts that a domain's clients run."""
    maps = feature_maps(profile.map_seed, len(profile.features))
    return maps.only(profile.experts) if profile.experts else maps


def moments_of(rows: Rows, profile: DomainProfile) -> dict[str, Moments]:
    """What a registration tells of a client's columns; nothing unless the profile asks for it."""
    if profile.scaling != "estimated":
        return {}
    columns = [*rows.x.T, rows.y]
    return {
        column.name: Moments(len(values), float(values.sum()), float((values**2).sum()))
        for column, values in zip(profile.columns, columns, strict=True)
    }
