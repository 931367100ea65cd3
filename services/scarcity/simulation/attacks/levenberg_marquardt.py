"""Levenberg-Marquardt for many starts of one small problem at once, with numerical derivatives.

Source: Nocedal and Wright (2006), Numerical Optimization, section 10.3; damping after Marquardt.
"""

from collections.abc import Callable

import torch
from torch import Tensor

DIFFERENCE = 1e-6
SMALLEST, LARGEST = 1e-12, 1e12

Residuals = Callable[[Tensor], Tensor]


def levenberg_marquardt(residuals: Residuals, starts: Tensor, iterations: int) -> Tensor:
    """Lower the sum of squared residuals from every start.

    Args:
        residuals: float64 [B, d] to [B, m].
        starts: float64 [B, d].

    Returns:
        float64 [B, d]; nowhere worse than its start.

    >>> root = levenberg_marquardt(
    ...     lambda x: x**2 - 2, torch.tensor([[1.0], [3.0]], dtype=torch.float64), 30)
    >>> [round(float(x), 6) for x in root[:, 0]]
    [1.414214, 1.414214]
    """
    x, damping = starts.clone(), torch.full((len(starts), 1), 1e-2, dtype=torch.float64)
    now = residuals(x)
    cost = now.square().sum(-1)
    for _ in range(iterations):
        slopes = _derivatives(residuals, x, now)
        normal = slopes.mT @ slopes
        diagonal = normal.diagonal(dim1=-2, dim2=-1)
        damped = normal + torch.diag_embed(damping * diagonal.clamp(min=1e-9))
        right = -(slopes.mT @ now.unsqueeze(-1))
        factor, failed = torch.linalg.cholesky_ex(damped)
        step = torch.cholesky_solve(right, factor).squeeze(-1)
        step = torch.where((failed > 0)[:, None], 0.0, step)
        tried = residuals(x + step)
        tried_cost = tried.square().sum(-1)
        better = tried_cost < cost  # False for NaN too
        x = torch.where(better[:, None], x + step, x)
        now = torch.where(better[:, None], tried, now)
        cost = torch.where(better, tried_cost, cost)
        damping = torch.where(better[:, None], damping / 3, damping * 4).clamp(SMALLEST, LARGEST)
    return x


def _derivatives(residuals: Residuals, x: Tensor, now: Tensor) -> Tensor:
    """Forward differences; float64 [B, m, d]."""
    many, d = x.shape
    moved = x[:, None, :] + DIFFERENCE * torch.eye(d, dtype=torch.float64)
    values = residuals(moved.reshape(many * d, d)).reshape(many, d, -1)
    return ((values - now[:, None, :]) / DIFFERENCE).mT
