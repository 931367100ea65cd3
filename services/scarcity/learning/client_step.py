"""What clients compute for their insights, many clients at once.

A client splits its own rows afresh into support and query, adapts to the support and looks at the
query loss: its value, and its derivative along a few public directions (query_loss.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scarcity.events.types import SLOPE_SCALE, SLOPES_PER_INSIGHT
from scarcity.learning.adaptation import Mode
from scarcity.learning.directions import DIRECTION_COUNT, block_number, hadamard_blocks, signs
from scarcity.learning.features import FeatureMaps
from scarcity.learning.public_draws import draw_bytes
from scarcity.learning.query_loss import Split, query_gradient, query_losses

__all__ = [
    "Draw",
    "RowBatch",
    "Split",
    "StepResult",
    "client_step",
    "query_gradient",
    "query_losses",
    "slopes_of",
    "split_order",
    "split_orders",
    "split_rows",
]


class Draw(NamedTuple):
    """Seed of a client's split and directions: its name and the insight's sequence number."""

    client_id: str
    sequence: int


@dataclass(frozen=True)
class RowBatch:
    """Rows of many clients, padded to the longest; features once computed serve every round.

    Attributes:
        features: float64 [B, E, n, 64]; anything finite on padding.
        y: standardised targets; float64 [B, n].
        counts: rows of each client; int64 [B].
    """

    features: Tensor
    y: Tensor
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, maps: FeatureMaps, clients: Sequence[tuple[Tensor, Tensor]]) -> "RowBatch":
        """Pad clients' standardised rows (x [n, p], y [n]; float64) and compute their features."""
        counts = np.array([len(y) for _, y in clients], dtype=np.int64)
        x = torch.zeros(len(clients), int(counts.max()), maps.inputs, dtype=torch.float64)
        y = torch.zeros(x.shape[:2], dtype=torch.float64)
        for i, (rows, targets) in enumerate(clients):
            x[i, : len(targets)] = rows
            y[i, : len(targets)] = targets
        return cls(maps.apply(x), y, counts)

    def select(self, clients: Sequence[int]) -> "RowBatch":
        """Return the batch of some of the clients, trimmed to their longest."""
        index = np.asarray(clients, dtype=np.int64)
        counts = self.counts[index]
        longest = int(counts.max())
        at = torch.from_numpy(index)
        features = self.features.index_select(0, at)[:, :, :longest].contiguous()
        return RowBatch(features, self.y[at, :longest], counts)

    @property
    def mask(self) -> Tensor:
        """Which rows are a client's own; bool [B, n]."""
        return torch.arange(self.y.shape[1]) < torch.from_numpy(self.counts)[:, None]


@dataclass(frozen=True)
class StepResult:
    """Per client and expert, ready for an insight.

    Attributes:
        losses: mean squared error on the query after adaptation; float64 [B, E].
        samples: query rows behind each loss; int64 [B].
        previous_losses: ``losses`` under the previous version, same split; None without one.
        slopes: int64 [B, E, m + 1], units of 2**-24 loss per unit of z; None when not asked for.
        candidate_losses: by candidate; each float64 [B, E].
    """

    losses: npt.NDArray[np.float64]
    samples: npt.NDArray[np.int64]
    previous_losses: npt.NDArray[np.float64] | None = None
    slopes: npt.NDArray[np.int64] | None = None
    candidate_losses: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)


_LAST = np.uint64(2**64 - 1)


def split_order(draw: Draw, rows: int) -> npt.NDArray[np.int64]:
    """Order in which a client's rows are dealt: the first are its support. Int64 [rows].

    >>> sorted(split_order(Draw("shop-7", 3), 5).tolist())
    [0, 1, 2, 3, 4]
    """
    order: npt.NDArray[np.int64] = split_orders([draw], np.array([rows]))[0]
    return order


def split_orders(draws: Sequence[Draw], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Orders of several clients with ``counts`` rows; int64 [B, longest], padding comes last."""
    longest = int(counts.max())
    drawn = [draw_bytes("split", *draw, count=8 * longest) for draw in draws]
    words = np.frombuffer(b"".join(drawn), "<u8").reshape(len(draws), longest)
    padding = np.arange(longest) >= counts[:, None]
    # A longer draw begins as a shorter one, so a client's order does not depend on the others.
    return np.argsort(np.where(padding, _LAST, words), axis=1, kind="stable")


def split_rows(batch: RowBatch, draws: Sequence[Draw], support_rows: int) -> Split:
    """Deal each client's rows into ``support_rows`` of support and the rest as query.

    Raises:
        ValueError: a client has no row left for its query.
    """
    if int(batch.counts.min()) <= support_rows:
        raise ValueError(f"a client has {batch.counts.min()} rows; more than {support_rows} needed")
    chosen = split_orders(draws, batch.counts)[:, :support_rows]
    at = torch.from_numpy(chosen)
    mask = batch.mask.double().scatter_(1, at, 0.0)
    many, experts, longest, width = batch.features.shape
    # Rows by their place in memory: a quarter of the time that two advanced indices take.
    first = torch.arange(0, many * experts * longest, longest).reshape(many, experts, 1)
    rows = (first + at.unsqueeze(1)).flatten()
    support = batch.features.reshape(-1, width).index_select(0, rows)
    support = support.reshape(many, experts, support_rows, width)
    return Split(support, batch.y.gather(1, at), batch.features, batch.y, mask)


def slopes_of(
    gradients: Tensor,
    draws: Sequence[Draw],
    *,
    domain: str,
    meta_version: int,
    clip: float,
    per_expert: int = SLOPES_PER_INSIGHT,
) -> npt.NDArray[np.int64]:
    """Project clipped gradients on each client's public directions.

    Args:
        gradients: float64 [B, E, 129].
        clip: bound C of an expert's gradient norm.
        per_expert: directional derivatives m; one of SLOPE_CHOICES.

    Returns:
        int64 [B, E, m + 1], units of 2**-24: the derivatives, then that of log sigma^2.
    """
    norms = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
    clipped = gradients * (clip / norms.clamp(min=clip))
    turned = clipped[..., :DIRECTION_COUNT] * torch.from_numpy(signs(domain, meta_version).copy())
    blocks = [block_number(*draw, per_expert) for draw in draws]
    columns = torch.from_numpy(hadamard_blocks(per_expert)[blocks])
    reported = turned @ columns / DIRECTION_COUNT**0.5
    exact = torch.cat([reported, clipped[..., -1:]], dim=-1) * SLOPE_SCALE
    slopes: npt.NDArray[np.int64] = exact.round().to(torch.int64).numpy()
    return slopes


@torch.no_grad()
def client_step(
    batch: RowBatch,
    draws: Sequence[Draw],
    z: Tensor,
    *,
    domain: str,
    meta_version: int,
    support_rows: int,
    slope_clip: float = 5.0,
    with_slopes: bool = True,
    slopes_per_expert: int = SLOPES_PER_INSIGHT,
    previous_z: Tensor | None = None,
    candidates: Mapping[str, Tensor] | None = None,
    mode: Mode = "ridge",
) -> StepResult:
    """One round's work of many clients of a domain that hold the same version.

    A client's figures do not depend on who else is in the batch (beyond float rounding).

    Args:
        batch: the clients' rows.
        draws: per client, its id and the sequence number of the insight to come.
        z: the domain's parameters, float64 [E, 129]; or [B, E, 129] where gossip moved priors.
        slopes_per_expert: m; see :func:`slopes_of`.
        previous_z: the version before, likewise, for the gate.
        candidates: starting points a new domain tries; float64 [E, 129] by name.

    Raises:
        ValueError: a client has no row left for its query.
    """
    split = split_rows(batch, draws, support_rows)
    if with_slopes:
        losses, gradients = query_gradient(split, z, mode=mode)
        slopes = slopes_of(
            gradients,
            draws,
            domain=domain,
            meta_version=meta_version,
            clip=slope_clip,
            per_expert=slopes_per_expert,
        )
    else:
        losses, slopes = query_losses(split, z, mode=mode), None
    previous = None if previous_z is None else query_losses(split, previous_z, mode=mode).numpy()
    return StepResult(
        losses=losses.numpy(),
        samples=batch.counts - support_rows,
        previous_losses=previous,
        slopes=slopes,
        candidate_losses={
            name: query_losses(split, start, mode=mode).numpy()
            for name, start in (candidates or {}).items()
        },
    )
