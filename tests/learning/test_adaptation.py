import pytest
import torch
from tests.learning.rounds import some_batch, some_z

from scarcity.learning.adaptation import adapt, fit_ridge, lambda_of, loo_losses, loo_residuals


def test_ridge_solves_the_normal_equations() -> None:
    batch, z = some_batch([7, 7]), some_z()
    w = adapt(z, batch.features, batch.y, batch.mask)
    # The posterior mean minimises |y - Phi w|^2 / s2 + (w - theta)' L^-1 (w - theta).
    w.requires_grad_()
    residuals = batch.y[:, None] - (batch.features @ w[..., None])[..., 0]
    prior = ((w - z[:, :64]).square() / lambda_of(z)).sum()
    (residuals.square().sum(-1) / z[:, -1].exp()).sum().add(prior).backward()  # type: ignore[no-untyped-call]
    assert w.grad is not None
    assert float(w.grad.abs().max()) < 1e-9


def test_the_primal_and_the_dual_form_agree() -> None:
    # 60 rows are solved in the dual form; the same rows and 10 of padding in the primal one.
    batch, padded, z = some_batch([60]), some_batch([60, 70]), some_z()
    dual = fit_ridge(z, batch.features, batch.y)
    mask = padded.mask[:1]
    primal = fit_ridge(z, padded.features[:1] * mask[:, None, :, None], padded.y[:1] * mask)
    assert dual.dual
    assert not primal.dual
    assert torch.allclose(dual.weights, primal.weights, atol=1e-9)
    own = primal.loo_residuals()[..., :60]
    assert torch.allclose(dual.loo_residuals(), own, atol=1e-9)
    values = torch.arange(60, dtype=torch.float64).expand(1, 10, 60)
    solved = primal.solve(torch.nn.functional.pad(values, (0, 10)))[..., :60]
    assert torch.allclose(dual.solve(values), solved, atol=1e-6)


@pytest.mark.parametrize("rows", [6, 70])
def test_leave_one_out_residuals_equal_refits_without_the_row(rows: int) -> None:
    batch, z = some_batch([rows]), some_z()
    residuals = loo_residuals(z, batch.features, batch.y, batch.mask)
    for row in (0, rows - 1):
        without = batch.mask.clone()
        without[:, row] = False
        w = adapt(z, batch.features, batch.y, without)
        predicted = (batch.features[:, :, row] * w).sum(-1)
        assert torch.allclose(residuals[:, :, row], batch.y[:, row, None] - predicted, atol=1e-8)


def test_padding_changes_nothing() -> None:
    z, alone, padded = some_z(), some_batch([5]), some_batch([5, 9])
    w = adapt(z, padded.features, padded.y, padded.mask)
    assert torch.allclose(w[:1], adapt(z, alone.features, alone.y, alone.mask), atol=1e-12)
    losses = loo_losses(z, padded.features, padded.y, padded.mask)
    assert torch.allclose(losses[:1], loo_losses(z, alone.features, alone.y, alone.mask))


def test_a_client_may_bring_a_start_of_its_own() -> None:
    batch = some_batch([5, 5])
    z = torch.stack([some_z(1), some_z(2)])
    w = adapt(z, batch.features, batch.y, batch.mask)
    single = adapt(some_z(2), batch.features, batch.y, batch.mask)
    assert torch.allclose(w[1], single[1], atol=1e-12)


def test_sgd_takes_one_step_against_the_gradient() -> None:
    batch, z = some_batch([4]), some_z()
    theta = z[:, :64].clone().requires_grad_()
    residuals = batch.y[:, None] - (batch.features @ theta[..., None])[..., 0]
    residuals.square().mean(-1).sum().backward()  # type: ignore[no-untyped-call]
    assert theta.grad is not None
    expected = z[:, :64] - z[:, 64:128].exp() * theta.grad
    w = adapt(z, batch.features, batch.y, batch.mask, mode="sgd")
    assert torch.allclose(w[0], expected, atol=1e-12)


def test_hostile_parameters_stay_solvable() -> None:
    batch, z = some_batch([6]), some_z()
    z[:, 64:128], z[:, -1] = 1e6, -1e6
    assert torch.isfinite(adapt(z, batch.features, batch.y, batch.mask)).all()
