"""A client need not believe its domain: it also adapts from the default start, which is its own.

Beside the experts adapted from the domain's start a client always has those adapted from the start
that everybody had before anything was learned. How far it believes the domain is decided by its own
rows, with the losses that the domain publishes as the prior odds:

    log odds = evidence(domain's start) - evidence(default start) + prior
    prior    = 20 log(typical loss under the default start / typical loss now), in [-2, 6]

Evidence is the log marginal likelihood of the rows under a start, its scale profiled out, since
adaptation does not depend on it: -n/2 log(r' S^-1 r / n) - 1/2 log |S|, averaged over the experts
by their routing weights. It uses a few rows better than leave-one-out losses do. The prior is
bounded, so that no published loss can make a client go against rows that clearly speak; downwards
more tightly, or made-up losses could drive clients from a good start.
See docs/decisions/0011-trust-by-agreement.md.

Source: Rasmussen and Williams (2006), eq. 5.8 (the evidence).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from scarcity.learning.adaptation import Fit, fit_ridge, theta_of, times
from scarcity.learning.routing import routing_weights

PRIOR_PER_LOG_LOSS = 20.0
PRIOR_BOUNDS = (-2.0, 6.0)


@dataclass(frozen=True)
class Ensemble:
    """Experts adapted from one start, weighed.

    Attributes:
        predictions: of each expert; float64 [B, E, n].
        weights: routing; float64 [B, E].
        evidence: for the start; float64 [B].
    """

    predictions: Tensor
    weights: Tensor
    evidence: Tensor

    @property
    def routed(self) -> Tensor:
        """Weighed predictions; float64 [B, n]."""
        return (self.weights.unsqueeze(-1) * self.predictions).sum(-2)


def ensemble(
    z: Tensor, support: Tensor, support_y: Tensor, query: Tensor, domain_losses: Tensor
) -> Ensemble:
    """Adapt a start to the support and predict the query.

    Args:
        z: float64 [E, 129], or one a client [B, E, 129].
        support: features, float64 [B, E, k, 64]; no padding.
        support_y: float64 [B, k].
        query: features, float64 [B, E, n, 64].
        domain_losses: float64 [E]; NaN where no one was heard, as for the default start.
    """
    fit = fit_ridge(z, support, support_y)
    weights = routing_weights(fit.loo_residuals().square().mean(-1), domain_losses)
    predictions = (query @ fit.weights.unsqueeze(-1)).squeeze(-1)
    evidence = (weights * log_evidence(z, fit, support_y)).sum(-1)
    return Ensemble(predictions, weights, evidence)


def log_evidence(z: Tensor, fit: Fit, y: Tensor) -> Tensor:
    """Log marginal likelihood of the rows under z, scale profiled out, up to a constant.

    Args:
        fit: of z to these rows.
        y: float64 [B, n]; no padding.

    Returns:
        float64 [B, E].
    """
    n, size = y.shape[-1], fit.inverse.shape[-1]
    residuals = y.unsqueeze(-2) - times(fit.features, theta_of(z))
    quadratic = (residuals * fit.scaled_residuals).sum(-1).clamp(min=torch.finfo(y.dtype).tiny)
    half_log_det = -torch.linalg.cholesky(fit.inverse).diagonal(dim1=-2, dim2=-1).log().sum(-1)
    if not fit.dual:  # |S| = sigma^(2 (n - d)) |sqrt(L) Phi' Phi sqrt(L) + sigma^2 I|
        half_log_det = half_log_det + (n - size) / 2 * fit.sigma2.squeeze(-1).log()
    evidence: Tensor = -n / 2 * (quadratic / n).log() - half_log_det
    return evidence


def prior_log_odds(weights: Tensor, domain_losses: Tensor, start_losses: Tensor) -> Tensor:
    """Log odds that the domain's start is the better one, by published losses.

    Args:
        weights: a client's routing over the domain's experts; float64 [..., E].
        domain_losses, start_losses: typical now, and under the default start; float64 [E].

    Returns:
        float64 [...]; the upper bound where a domain does not say what the default was worth.

    >>> one = torch.ones(2, dtype=torch.float64)
    >>> round(prior_log_odds(one / 2, 0.9 * one, one).item(), 3)
    2.107
    """
    now = (weights * domain_losses).sum(-1)
    odds = PRIOR_PER_LOG_LOSS * (start_losses.mean() / now).log()
    return odds.nan_to_num(PRIOR_BOUNDS[1]).clamp(*PRIOR_BOUNDS)


def belief(domain: Ensemble, own: Ensemble, domain_losses: Tensor, start_losses: Tensor) -> Tensor:
    """How far each client believes its domain's start, 0 to 1; float64 [B]."""
    prior = prior_log_odds(domain.weights, domain_losses, start_losses)
    return torch.sigmoid(domain.evidence - own.evidence + prior)


def believing(
    domain: Ensemble, own: Ensemble, domain_losses: Tensor, start_losses: Tensor
) -> Tensor:
    """Predictions of both ensembles, mixed by belief; float64 [B, n]."""
    share = belief(domain, own, domain_losses, start_losses).unsqueeze(-1)
    return share * domain.routed + (1 - share) * own.routed
