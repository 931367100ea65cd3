"""From a shared starting point to a client's own weights, in closed form.

`ridge`: w = theta + Lambda Phi' a with a = S^-1 (y - Phi theta), S = Phi Lambda Phi' + sigma^2 I,
that is the posterior mean under the prior N(theta, Lambda) (Rasmussen and Williams 2006, eq. 2.11).
`sgd`: one Meta-SGD step w = theta - alpha * grad (Li et al. 2017, arXiv:1707.09835, eq. 2).

Padding needs no care: a row of zeros with target 0 changes neither w nor another row's figures.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from scarcity.events.types import FEATURE_COUNT

Mode = Literal["ridge", "sgd"]

# Keeps S well conditioned whatever a hostile insight did to z.
LOG_BOUNDS = (-14.0, 8.0)


@dataclass(frozen=True)
class Fit:
    """Ridge weights and what their derivatives need.

    Attributes:
        weights: w; float64 [..., E, 64].
        scaled_residuals: a = S^-1 (y - Phi theta); float64 [..., E, n].
        inverse: S^-1 [..., E, n, n] when ``dual``, else (sqrt(L) Phi' Phi sqrt(L) + s^2 I)^-1.
    """

    features: Tensor
    weights: Tensor
    scaled_residuals: Tensor
    inverse: Tensor
    root_lambda: Tensor
    sigma2: Tensor
    dual: bool

    def solve(self, values: Tensor) -> Tensor:
        """S^-1 times one vector an expert; float64 [..., E, n] to the same."""
        if self.dual:
            return times(self.inverse, values)
        inner = self.root_lambda * transposed_times(self.features, values)
        outer = self.root_lambda * times(self.inverse, inner)
        return (values - times(self.features, outer)) / self.sigma2

    def inverse_diagonal(self) -> Tensor:
        """[S^-1]_ii; float64 [..., E, n]."""
        if self.dual:
            return self.inverse.diagonal(dim1=-2, dim2=-1)
        scaled = self.features * self.root_lambda.unsqueeze(-2)
        return (1 - (scaled @ self.inverse * scaled).sum(-1)) / self.sigma2

    def loo_residuals(self) -> Tensor:
        """What each row's residual would be without it; float64 [..., E, n]; 0 on padding.

        Source: Rasmussen and Williams (2006), eq. 5.12.
        """
        return self.scaled_residuals / self.inverse_diagonal()


def times(matrix: Tensor, vector: Tensor) -> Tensor:
    """Batched matrix [..., n, d] times vector [..., d]."""
    if matrix.shape[-2] > FEATURE_COUNT:
        return (matrix @ vector.unsqueeze(-1)).squeeze(-1)
    # For a client's few rows three times as fast as torch's batched product.
    return (matrix * vector.unsqueeze(-2)).sum(-1)


def transposed_times(matrix: Tensor, vector: Tensor) -> Tensor:
    """Batched transpose of matrix [..., n, d] times vector [..., n]."""
    if matrix.shape[-2] > FEATURE_COUNT:
        return (vector.unsqueeze(-2) @ matrix).squeeze(-2)
    return (matrix * vector.unsqueeze(-1)).sum(-2)


def theta_of(z: Tensor) -> Tensor:
    """Return w_init of z [..., 129]; float64 [..., 64]."""
    return z[..., :FEATURE_COUNT]


def lambda_of(z: Tensor) -> Tensor:
    """Return prior variances (ridge) or learning rates (sgd) of z [..., 129]; float64 [..., 64]."""
    return z[..., FEATURE_COUNT : 2 * FEATURE_COUNT].clamp(*LOG_BOUNDS).exp()


def sigma2_of(z: Tensor) -> Tensor:
    """Return noise variances of z [..., 129]; float64 [..., 1]."""
    return z[..., -1:].clamp(*LOG_BOUNDS).exp()


def fit_ridge(z: Tensor, features: Tensor, y: Tensor) -> Fit:
    """Fit every client and expert at once.

    Args:
        z: float64 [E, 129], or one a client [B, E, 129].
        features: float64 [B, E, n, 64]; zero on padding.
        y: targets, float64 [B, n]; zero on padding.
    """
    theta, root_lambda = theta_of(z), lambda_of(z).sqrt()
    sigma2 = sigma2_of(z)
    residuals = y.unsqueeze(-2) - times(features, theta)
    scaled = features * root_lambda.unsqueeze(-2)
    dual = features.shape[-2] <= FEATURE_COUNT
    gram = scaled @ scaled.mT if dual else scaled.mT @ scaled
    gram.diagonal(dim1=-2, dim2=-1).add_(sigma2)
    # Cholesky, not LU: batched LU fails in current torch with more than one MKL thread.
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    if dual:
        a = times(inverse, residuals)
        shift = root_lambda * transposed_times(scaled, a)
    else:
        shift = root_lambda * times(inverse, transposed_times(scaled, residuals))
        a = (residuals - times(features, shift)) / sigma2
    return Fit(features, theta + shift, a, inverse, root_lambda, sigma2, dual)


def sgd_gradient(z: Tensor, features: Tensor, y: Tensor, rows: Tensor) -> Tensor:
    """Gradient of the mean squared error at theta; float64 [B, E, 64]. ``rows``: int64 [B]."""
    residuals = y.unsqueeze(-2) - times(features, theta_of(z))
    return -2 * transposed_times(features, residuals) / rows.clamp(min=1)[..., None, None]


def adapt(z: Tensor, features: Tensor, y: Tensor, mask: Tensor, *, mode: Mode = "ridge") -> Tensor:
    """Weights of each client and expert after adaptation to the client's rows.

    Args:
        z: float64 [E, 129], or one a client [B, E, 129].
        features: float64 [B, E, n, 64].
        y: targets, float64 [B, n].
        mask: which rows count; bool [B, n].

    Returns:
        float64 [B, E, 64].
    """
    features = features * mask[..., None, :, None]
    y = y * mask
    if mode == "ridge":
        return fit_ridge(z, features, y).weights
    return theta_of(z) - lambda_of(z) * sgd_gradient(z, features, y, mask.sum(-1))


def loo_residuals(z: Tensor, features: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Leave-one-out residuals of the ridge fit; arguments as :func:`adapt`; float64 [B, E, n].

    Residuals of rows that do not count are 0.
    """
    return fit_ridge(z, features * mask[..., None, :, None], y * mask).loo_residuals()


def loo_losses(z: Tensor, features: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Mean squared leave-one-out residual; float64 [B, E]; 0 for a client without rows."""
    squares = loo_residuals(z, features, y, mask).square().sum(-1)
    return squares / mask.sum(-1, keepdim=True).clamp(min=1)
