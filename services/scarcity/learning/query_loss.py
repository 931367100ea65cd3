"""The loss on a client's query rows after adaptation to its support, and its gradient by z.

Both are closed form. With a = S^-1 r, u = dL/dw, b = S^-1 Phi Lambda u:

    dL/dtheta       = u - Phi' b
    dL/dlog lambda  = (w - theta) * dL/dtheta
    dL/dlog sigma^2 = -sigma^2 a.b

(checked against autograd in the tests).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from scarcity.learning.adaptation import (
    Mode,
    fit_ridge,
    lambda_of,
    sgd_gradient,
    theta_of,
    times,
    transposed_times,
)


@dataclass(frozen=True)
class Split:
    """Own rows of each client in two: adapt on the support, judge on the query."""

    support: Tensor  # float64 [B, E, k, 64]
    support_y: Tensor  # float64 [B, k]
    query: Tensor  # float64 [B, E, n, 64]: all rows, so that nothing is copied
    query_y: Tensor  # float64 [B, n]
    query_mask: Tensor  # float64 [B, n]; 1 where a row is of the query

    @property
    def query_rows(self) -> Tensor:
        """Float64 [B, 1]."""
        return self.query_mask.sum(-1, keepdim=True)


def query_losses(split: Split, z: Tensor, *, mode: Mode = "ridge") -> Tensor:
    """Mean squared query error after adaptation from z; float64 [B, E]."""
    if mode == "ridge":
        weights = fit_ridge(z, split.support, split.support_y).weights
    else:
        weights = _sgd_weights(split, z)
    return _errors(split, weights).square().sum(-1) / split.query_rows


def query_gradient(split: Split, z: Tensor, *, mode: Mode = "ridge") -> tuple[Tensor, Tensor]:
    """Losses and their gradients with respect to z.

    Returns:
        losses, float64 [B, E]; gradients, float64 [B, E, 129], loss per unit of z.
    """
    fit = fit_ridge(z, split.support, split.support_y) if mode == "ridge" else None
    weights = _sgd_weights(split, z) if fit is None else fit.weights
    errors = _errors(split, weights)
    losses = errors.square().sum(-1) / split.query_rows
    u = transposed_times(split.query, -2 * errors / split.query_rows.unsqueeze(-1))
    shift = weights - theta_of(z)
    if fit is not None:
        b = fit.solve(times(split.support, fit.root_lambda.square() * u))
        by_theta = u - transposed_times(split.support, b)
        by_lambda = shift * by_theta
        by_sigma = -fit.sigma2 * (fit.scaled_residuals * b).sum(-1, keepdim=True)
    else:
        inner = times(split.support, lambda_of(z) * u)
        by_theta = u - 2 * transposed_times(split.support, inner) / split.support.shape[-2]
        by_lambda = shift * u
        by_sigma = torch.zeros_like(losses).unsqueeze(-1)
    return losses, torch.cat([by_theta, by_lambda, by_sigma], dim=-1)


def _errors(split: Split, weights: Tensor) -> Tensor:
    errors = split.query_y.unsqueeze(-2) - times(split.query, weights)
    return errors * split.query_mask.unsqueeze(-2)


def _sgd_weights(split: Split, z: Tensor) -> Tensor:
    rows = torch.tensor(split.support.shape[-2])
    gradient = sgd_gradient(z, split.support, split.support_y, rows)
    return theta_of(z) - lambda_of(z) * gradient
