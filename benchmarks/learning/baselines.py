"""What clients of a panel reach without insights: alone, or with everybody's raw rows in one place.

Every choice is the best on the training entities (see :mod:`benchmarks.learning.dealt`). Random
features are the experts' own (:mod:`scarcity.learning.features`).
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.learning.dealt import FOLDS, Dealt, Sides

# Penalties in units of the noise variance. A bare zero may leave a system singular.
INTERCEPT = 1e-6
INTERCEPTS = (INTERCEPT, 0.1, 0.3, 1.0, 3.0, 10.0)
SLOPES = tuple(10.0 ** (power / 2) for power in range(-6, 7))
POOLED_LINEAR = (0.3, 10.0, 300.0, 1e4)
POOLED_WAVES = (1.0, 10.0, 100.0, 1e3, 1e5)
# Variances of what is a client's own, in units of the noise variance.
OWN_INTERCEPTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
OWN_LINEAR = (0.0, 0.03, 0.3, 3.0, 30.0)
OWN_WAVES = (0.0, 0.1, 1.0, 10.0)


class Pooled(NamedTuple):
    """Errors of new clients with one model of all training clients' raw rows."""

    plain: float
    adapted: float


class _Own(NamedTuple):
    """Variances of a client's difference from the pooled model."""

    intercept: float
    linear: float
    waves: float


def entity_mean(sides: Sides) -> float:
    """Error of the mean of a new client's own support rows."""
    new = sides.new
    return float(new.error(new.query_y - new.support_y.mean(-1, keepdim=True)))


def local_ridge(sides: Sides) -> float:
    """Error of ridge on a new client's own support rows, linear in the columns."""
    penalties = list(product(INTERCEPTS, SLOPES))
    errors = [_ridge_error(sides.tuning, *pair) for pair in penalties]
    return _ridge_error(sides.new, *penalties[errors.index(min(errors))])


def _ridge_error(dealt: Dealt, intercept: float, slope: float) -> float:
    support = dealt.linear_support()
    penalties = torch.full((support.shape[-1],), slope, dtype=torch.float64)
    penalties[0] = intercept
    factor = torch.linalg.cholesky(support.mT @ support + torch.diag(penalties))
    weights = torch.cholesky_solve(support.mT @ dealt.support_y.unsqueeze(-1), factor)
    return float(dealt.error(dealt.query_y - (dealt.linear_query() @ weights).squeeze(-1)))


def pooled(sides: Sides) -> Pooled:
    """One ridge on all training clients' rows, in the features of the best expert.

    `adapted` takes it as the mean of a prior: ridge on the new client's residuals, with penalties
    for intercept, linear and random features. Both choose expert and penalties for themselves.
    """
    grams, rights = _sums(sides)
    left_out = [
        _models(grams.sum(0) - gram, rights.sum(0) - right, sides.inputs)
        for gram, right in zip(grams, rights, strict=True)
    ]
    tuning = _residuals(sides.tuning, torch.stack(left_out)[sides.tuning_folds])
    everyone = _models(grams.sum(0), rights.sum(0), sides.inputs)
    new = _residuals(sides.new, everyone.unsqueeze(0))
    plain = int(sides.tuning.error(tuning.query).argmin())
    kernels = _Kernels.of(sides.tuning)
    choices = [_Own(*some) for some in product(OWN_INTERCEPTS, OWN_LINEAR, OWN_WAVES)]
    errors = torch.stack(
        [sides.tuning.error(_adapted(tuning, kernels, own)).flatten() for own in choices]
    )
    own, model = divmod(int(errors.argmin()), errors.shape[1])
    adapted = sides.new.error(_adapted(new, _Kernels.of(sides.new), choices[own]))
    return Pooled(
        float(sides.new.error(new.query).flatten()[plain]), float(adapted.flatten()[model])
    )


def _sums(sides: Sides) -> tuple[Tensor, Tensor]:
    """Phi' Phi [F, E, 64, 64] and Phi' y [F, E, 64] of each fold's rows."""
    batch = sides.batch
    features = batch.features * batch.mask[:, None, :, None]
    grams, rights = [], []
    for fold in range(FOLDS):
        some = (sides.folds == fold).nonzero().squeeze(-1)
        phi = features[some].transpose(0, 1).flatten(1, 2)
        grams.append(phi.mT @ phi)
        rights.append((phi.mT @ batch.y[some].flatten().unsqueeze(-1)).squeeze(-1))
    return torch.stack(grams), torch.stack(rights)


def _models(gram: Tensor, right: Tensor, inputs: int) -> Tensor:
    """Pooled weights of each expert and pair of penalties; float64 [E, P, 64]."""
    models = []
    for of_linear, of_waves in product(POOLED_LINEAR, POOLED_WAVES):
        penalties = torch.full((gram.shape[-1],), of_waves, dtype=torch.float64)
        penalties[1 : 1 + inputs] = of_linear
        penalties[0] = INTERCEPT
        factor = torch.linalg.cholesky(gram + torch.diag(penalties))
        models.append(torch.cholesky_solve(right.unsqueeze(-1), factor).squeeze(-1))
    return torch.stack(models, dim=1)


class _Residuals(NamedTuple):
    """Support [B, E, P, k] and query [B, E, P, n] residuals of pooled models; float64."""

    support: Tensor
    query: Tensor


def _residuals(dealt: Dealt, models: Tensor) -> _Residuals:
    """Residuals of models [B or 1, E, P, 64]."""
    return _Residuals(
        dealt.support_y[:, None, None] - models @ dealt.support.mT,
        dealt.query_y[:, None, None] - models @ dealt.query.mT,
    )


class _Kernels(NamedTuple):
    """Inner products of rows a group of features; float64 [B, E, k, k] and [B, E, k, n]."""

    linear: tuple[Tensor, Tensor]
    waves: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, dealt: Dealt) -> "_Kernels":
        def products(some: slice) -> tuple[Tensor, Tensor]:
            support = dealt.support[..., some]
            return support @ support.mT, support @ dealt.query[..., some].mT

        return cls(products(slice(1, 1 + dealt.inputs)), products(slice(1 + dealt.inputs, None)))


def _adapted(residuals: _Residuals, kernels: _Kernels, own: _Own) -> Tensor:
    """Query residuals after ridge on the support residuals; float64 [B, E, P, n]."""
    within, across = (
        own.intercept + own.linear * of_linear + own.waves * of_waves
        for of_linear, of_waves in zip(kernels.linear, kernels.waves, strict=True)
    )
    within.diagonal(dim1=-2, dim2=-1).add_(1.0)
    gain = torch.cholesky_solve(across, torch.linalg.cholesky(within))
    return residuals.query - residuals.support @ gain
