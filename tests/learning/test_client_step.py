import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.rounds import some_batch, some_z
from torch import Tensor

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.adaptation import Mode, lambda_of
from scarcity.learning.client_step import (
    Draw,
    Split,
    client_step,
    query_gradient,
    query_losses,
    slopes_of,
    split_order,
    split_rows,
)
from scarcity.learning.directions import block, hadamard, signs

DRAWS = [Draw("a", 4), Draw("b", 0), Draw("c", 9)]


def _loss_by_autograd(split: Split, z: Tensor, mode: Mode) -> Tensor:
    """The query loss from the definitions alone."""
    theta, scales = z[:, :64], lambda_of(z)
    phi, y = split.support, split.support_y[:, None, :, None]
    residuals = y - phi @ theta[..., None]
    if mode == "ridge":
        eye = torch.eye(phi.shape[2], dtype=torch.float64)
        gram = phi * scales[:, None] @ phi.mT + z[:, -1].exp()[:, None, None] * eye
        shift = scales[..., None] * (phi.mT @ torch.linalg.solve(gram, residuals))
    else:
        shift = scales[..., None] * (2 / phi.shape[2] * phi.mT @ residuals)
    errors = split.query_y[:, None, :, None] - split.query @ (theta[..., None] + shift)
    squares: Tensor = errors[..., 0].square() * split.query_mask[:, None]
    return squares.sum(-1) / split.query_rows


@pytest.mark.parametrize("mode", ["ridge", "sgd"])
@pytest.mark.parametrize("support_rows", [1, 5])
def test_the_closed_gradient_equals_autograd_s(mode: Mode, support_rows: int) -> None:
    split = split_rows(some_batch([8, 12, 7]), DRAWS, support_rows)
    z = some_z().requires_grad_()
    losses, gradients = query_gradient(split, z.detach(), mode=mode)
    for client in range(3):
        expected = _loss_by_autograd(split, z, mode)
        assert torch.allclose(losses, expected.detach(), atol=1e-10)
        (gradient,) = torch.autograd.grad(expected[client].sum(), z)
        assert torch.allclose(gradients[client], gradient, atol=1e-9)


def test_the_gradient_of_more_support_rows_than_features_is_right_too() -> None:
    split = split_rows(some_batch([80]), DRAWS[:1], 70)
    z = some_z().requires_grad_()
    (gradient,) = torch.autograd.grad(_loss_by_autograd(split, z, "ridge").sum(), z)
    _, closed = query_gradient(split, z.detach())
    assert torch.allclose(closed[0], gradient, atol=1e-8)


def test_slopes_are_projections_of_the_gradient_on_public_directions() -> None:
    batch, z = some_batch([8, 12, 7]), some_z()
    _, gradients = query_gradient(split_rows(batch, DRAWS, 5), z)
    result = client_step(
        batch, DRAWS, z, domain="d", meta_version=3, support_rows=5, slope_clip=1e9
    )
    assert result.slopes is not None
    q = signs("d", 3)[:, None] * hadamard() / np.sqrt(128)
    assert np.allclose(q.T @ q, np.eye(128))
    for client, draw in enumerate(DRAWS):
        exact = gradients[client, :, :128].numpy() @ q[:, block(*draw)]
        # Rounded to the nearest unit of 2**-24.
        assert np.abs(result.slopes[client, :, :8] - exact * SLOPE_SCALE).max() <= 0.501
        by_sigma = gradients[client, :, -1].numpy() * SLOPE_SCALE
        assert np.abs(result.slopes[client, :, -1] - by_sigma).max() <= 0.501


@settings(deadline=None, max_examples=30)
@given(st.floats(0.1, 1e6), st.integers(0, 2**20))
def test_no_gradient_is_published_longer_than_the_clip(size: float, sequence: int) -> None:
    generator = torch.Generator().manual_seed(sequence)
    gradients = size * torch.randn(1, 10, 129, generator=generator, dtype=torch.float64)
    draws = [Draw("a", sequence)]
    slopes = slopes_of(gradients, draws, domain="d", meta_version=0, clip=5.0)
    norms = np.sqrt((slopes.astype(np.float64) ** 2).sum(-1)) / SLOPE_SCALE
    assert norms.max() <= 5.0 + 9 / SLOPE_SCALE


def test_a_client_s_insight_does_not_depend_on_its_batch() -> None:
    batch, z = some_batch([8, 30, 7]), some_z()

    def step(clients: list[int]) -> tuple[Tensor, Tensor]:
        draws = [DRAWS[i] for i in clients]
        result = client_step(
            batch.select(clients), draws, z, domain="d", meta_version=1, support_rows=5
        )
        assert result.slopes is not None
        return torch.from_numpy(result.losses), torch.from_numpy(result.slopes)

    losses, slopes = step([0, 1, 2])
    for client in range(3):
        alone_losses, alone_slopes = step([client])
        assert torch.allclose(alone_losses[0], losses[client], rtol=1e-10)
        assert (alone_slopes[0] - slopes[client]).abs().max() <= 1


def test_every_insight_deals_the_rows_afresh_and_repeatably() -> None:
    first = split_order(Draw("a", 0), 26).tolist()
    assert sorted(first) == list(range(26))
    assert first == split_order(Draw("a", 0), 26).tolist()
    assert first != split_order(Draw("a", 1), 26).tolist()


def test_support_and_query_together_are_the_client_s_rows() -> None:
    batch = some_batch([8, 12])
    split = split_rows(batch, DRAWS[:2], 5)
    for client, count in enumerate((8, 12)):
        query = split.query_y[client][split.query_mask[client] > 0]
        dealt = torch.cat([split.support_y[client], query])
        assert torch.equal(dealt.sort().values, batch.y[client, :count].sort().values)
        assert int(split.query_mask[client].sum()) == count - 5


def test_a_client_without_a_query_row_is_refused() -> None:
    with pytest.raises(ValueError, match="5 rows; more than 5 needed"):
        split_rows(some_batch([9, 5]), DRAWS[:2], 5)


def test_previous_and_candidate_losses_are_of_the_same_split() -> None:
    batch, z, other = some_batch([8, 12, 7]), some_z(), some_z(1)
    result = client_step(
        batch,
        DRAWS,
        z,
        domain="d",
        meta_version=2,
        support_rows=5,
        with_slopes=False,
        previous_z=other,
        candidates={"family": z, "default": other},
    )
    assert result.slopes is None
    assert result.previous_losses is not None
    assert np.array_equal(result.candidate_losses["family"], result.losses)
    assert np.array_equal(result.candidate_losses["default"], result.previous_losses)
    expected = query_losses(split_rows(batch, DRAWS, 5), other).numpy()
    assert np.array_equal(result.previous_losses, expected)
    assert result.samples.tolist() == [3, 7, 2]
