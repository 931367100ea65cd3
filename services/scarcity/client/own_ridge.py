"""What a client can do alone: ridge on its own support rows, linear in the columns.

Both penalties are chosen for the whole domain by the very errors that are reported, so that the
baseline is as strong as it can be.
"""

from itertools import product

import torch
from torch import Tensor

from scarcity.learning.client_step import Split

# Penalties (of the intercept, of the slopes) in units of the noise variance; an intercept's 0 is
# the usual ridge.
INTERCEPT_PENALTIES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
SLOPE_PENALTIES = tuple(10.0 ** (power / 2) for power in range(-6, 7))
PENALTIES = tuple(product(INTERCEPT_PENALTIES, SLOPE_PENALTIES))


def ridge_errors(part: Split, inputs: int) -> Tensor:
    """Error on the query with each of ``PENALTIES``; float64 [78].

    Args:
        inputs: number of input columns p.
    """
    # The linear columns [1, x / sqrt(p)] are the first features of every expert.
    columns = inputs + 1
    scale = torch.full((columns,), float(inputs) ** 0.5, dtype=torch.float64)
    scale[0] = 1.0
    support = part.support[:, 0, :, :columns] * scale
    query = part.query[:, 0, :, :columns] * scale
    normal = support.mT @ support
    right = support.mT @ part.support_y.unsqueeze(-1)
    errors = []
    for intercept_penalty, slope_penalty in PENALTIES:
        penalties = torch.full((columns,), slope_penalty, dtype=torch.float64)
        penalties[0] = intercept_penalty + 1e-9  # a bare zero may leave the system singular
        factor = torch.linalg.cholesky(normal + torch.diag(penalties))
        weights = torch.cholesky_solve(right, factor)
        errors.append(mean_query_error(part, (query @ weights).squeeze(-1)))
    return torch.stack(errors)


def mean_query_error(part: Split, predictions: Tensor) -> Tensor:
    """Mean over clients of the mean squared error of predictions [B, n] on the query; a scalar."""
    squares = (part.query_y - predictions).square() * part.query_mask
    return (squares.sum(-1, keepdim=True) / part.query_rows).mean()
