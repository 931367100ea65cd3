import pytest
import torch
from tests.learning.rounds import INPUTS, some_batch, some_z

from scarcity.learning.adaptation import fit_ridge, lambda_of, theta_of
from scarcity.learning.client_step import Draw, split_rows
from scarcity.learning.initial import default_z
from scarcity.learning.own_start import (
    PRIOR_BOUNDS,
    Ensemble,
    belief,
    believing,
    ensemble,
    log_evidence,
    prior_log_odds,
)

UNHEARD = torch.full((10,), torch.nan, dtype=torch.float64)
ONES = torch.ones(10, dtype=torch.float64)


def _ensemble(z: torch.Tensor) -> tuple[Ensemble, torch.Tensor]:
    batch = some_batch([14] * 6)
    split = split_rows(batch, [Draw(str(i), 0) for i in range(6)], 6)
    made = ensemble(z, split.support, split.support_y, split.query, UNHEARD)
    errors = (made.routed - split.query_y).square() * split.query_mask
    return made, errors.sum(-1) / split.query_mask.sum(-1)


@pytest.mark.parametrize("rows", [5, 80])
def test_evidence_is_the_marginal_likelihood_at_its_best_scale(rows: int) -> None:
    batch, z = some_batch([rows]), some_z()
    found = log_evidence(z, fit_ridge(z, batch.features, batch.y), batch.y)[0]
    for expert in (0, 9):
        features = batch.features[0, expert]
        residual = batch.y[0] - features @ theta_of(z)[expert]
        s = features @ torch.diag(lambda_of(z)[expert]) @ features.T
        s = s + z[expert, -1].exp() * torch.eye(rows, dtype=torch.float64)
        scale = residual @ torch.linalg.solve(s, residual) / rows
        normal = torch.distributions.MultivariateNormal(torch.zeros_like(residual), scale * s)
        # What is left out is a constant: -n/2 (log 2 pi + 1).
        constant = -rows / 2 * (torch.tensor(2 * torch.pi).log() + 1)
        assert float(found[expert] + constant) == pytest.approx(
            float(normal.log_prob(residual)), rel=1e-6
        )


def test_evidence_does_not_depend_on_the_scale_of_a_start() -> None:
    batch, z = some_batch([7]), some_z()
    larger = z.clone()
    larger[:, 64:] += 0.7
    first, second = (
        log_evidence(s, fit_ridge(s, batch.features, batch.y), batch.y) for s in (z, larger)
    )
    assert torch.allclose(first, second)


def test_a_ruined_start_is_not_believed_whatever_is_published() -> None:
    own, _alone = _ensemble(torch.from_numpy(default_z(INPUTS)))
    z = torch.from_numpy(default_z(INPUTS))
    z[:, :4] = 30.0
    z[:, 64:128] = -8.0
    ruined, _ = _ensemble(z)
    assert float(belief(ruined, own, 1e-6 * ONES, ONES).max()) < 1e-3
    assert torch.allclose(believing(ruined, own, 1e-6 * ONES, ONES), own.routed, atol=0.1)


def test_a_start_that_the_domain_found_better_is_believed() -> None:
    own, _ = _ensemble(torch.from_numpy(default_z(INPUTS)))
    assert float(belief(own, own, 0.5 * ONES, ONES).min()) > 0.99
    assert float(belief(own, own, 2.0 * ONES, ONES).max()) < 0.2


def test_the_prior_is_bounded_and_trusting_where_nothing_is_known() -> None:
    weights = ONES / 10
    assert float(prior_log_odds(weights, 1e-9 * ONES, ONES)) == PRIOR_BOUNDS[1]
    assert float(prior_log_odds(weights, 1e9 * ONES, ONES)) == PRIOR_BOUNDS[0]
    assert float(prior_log_odds(weights, ONES, UNHEARD)) == PRIOR_BOUNDS[1]
