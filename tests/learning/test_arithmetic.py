"""The arithmetic that everything stands on, over drawn shapes and numbers."""

import random
from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.rounds import bare_contribution, some_batch, some_z
from torch import Tensor

from scarcity.events.types import EXPERT_COUNT, NOISED_SLOPE_CHOICES, SLOPE_SCALE
from scarcity.learning.adaptation import adapt, fit_ridge, lambda_of
from scarcity.learning.client_step import Draw, Split, client_step, query_gradient, split_rows
from scarcity.learning.contribution import Contribution, Ints, mean_losses, reconstruct
from scarcity.learning.directions import block, hadamard, signs
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.learning.settings import TRUST_SCALE

FEW = settings(deadline=None, max_examples=25)


def loss_from_its_definition(split: Split, z: Tensor) -> Tensor:
    """Query loss of the first client after ridge adaptation, by a plain solve; float64 [E]."""
    theta, variances = z[:, :64], lambda_of(z)
    phi, y = split.support[0], split.support_y[0][None, :, None]
    noise = z[:, -1].exp()[:, None, None] * torch.eye(phi.shape[1], dtype=torch.float64)
    gram = phi * variances[:, None] @ phi.mT + noise
    shift = variances[..., None] * (phi.mT @ torch.linalg.solve(gram, y - phi @ theta[..., None]))
    errors = split.query_y[0][None, :, None] - split.query[0] @ (theta[..., None] + shift)
    squares = errors[..., 0].square() * split.query_mask[0]
    return squares.sum(-1) / split.query_rows[0]


@FEW
@given(
    rows=st.integers(3, 40),
    support=st.floats(0.1, 0.9),
    columns=st.sampled_from(NOISED_SLOPE_CHOICES),
    seed=st.integers(0, 10**6),
    version=st.integers(0, 1000),
)
def test_slopes_are_projections_of_autograd_s_gradient(
    rows: int, support: float, columns: int, seed: int, version: int
) -> None:
    batch, draw = some_batch([rows], seed), Draw(f"client-{seed}", seed)
    support_rows = min(rows - 1, max(1, int(support * rows)))
    z = some_z(seed).requires_grad_()
    split = split_rows(batch, [draw], support_rows)
    (gradient,) = torch.autograd.grad(loss_from_its_definition(split, z).sum(), z)
    result = client_step(
        batch,
        [draw],
        z.detach(),
        domain="d",
        meta_version=version,
        support_rows=support_rows,
        slope_clip=1e9,
        slopes_per_expert=columns,
    )
    assert result.slopes is not None
    q = signs("d", version)[:, None] * hadamard() / np.sqrt(128)
    exact = gradient[:, :128].numpy() @ q[:, block(*draw, columns)]
    expected = np.concatenate([exact, gradient[:, 128:].numpy()], axis=1) * SLOPE_SCALE
    size = np.abs(expected).max()
    # Rounded to the nearest integer; autograd goes through another solve.
    assert np.abs(result.slopes[0] - expected).max() <= 0.501 + 1e-8 * size


@FEW
@given(rows=st.integers(1, 60), padding=st.integers(5, 40), seed=st.integers(0, 10**6))
def test_the_primal_and_the_dual_form_of_adaptation_agree(
    rows: int, padding: int, seed: int
) -> None:
    z, alone = some_z(seed), some_batch([rows], seed)
    # Zero rows change nothing, and with more than 64 the primal form is chosen.
    longest = max(65, rows + padding)
    wide = torch.zeros(1, EXPERT_COUNT, longest, 64, dtype=torch.float64)
    wide[:, :, :rows] = alone.features
    y = torch.zeros(1, longest, dtype=torch.float64)
    y[:, :rows] = alone.y
    dual, primal = fit_ridge(z, alone.features, alone.y), fit_ridge(z, wide, y)
    assert (dual.dual, primal.dual) == (True, False)
    assert torch.allclose(dual.weights, primal.weights, rtol=1e-7, atol=1e-8)
    own = primal.loo_residuals()[..., :rows]
    assert torch.allclose(dual.loo_residuals(), own, rtol=1e-7, atol=1e-8)
    mask = torch.arange(longest)[None] < rows
    assert torch.allclose(adapt(z, wide, y, mask), dual.weights, rtol=1e-7, atol=1e-8)


@st.composite
def rounds(draw: st.DrawFn) -> tuple[list[Contribution], Ints]:
    """Contributions of clients on up to three versions, and their slopes."""
    columns = draw(st.sampled_from(NOISED_SLOPE_CHOICES))
    count, seed = draw(st.integers(1, 12)), draw(st.integers(0, 10**6))
    dice = np.random.default_rng(seed)
    size = 2.0 ** draw(st.integers(-10, 3)) * SLOPE_SCALE
    slopes = np.rint(size * dice.normal(size=(count, EXPERT_COUNT, columns + 1)))
    told = [
        Contribution(
            f"client-{n}",
            int(dice.integers(10**6)),
            int(dice.integers(5, 8)),
            dice.exponential(size=EXPERT_COUNT),
            4,
            slopes=own.astype(np.int64),
        )
        for n, own in enumerate(slopes)
    ]
    return told, slopes.astype(np.int64)


@FEW
@given(rounds(), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order_by_one_bit(
    given_round: tuple[list[Contribution], Ints], dice: random.Random
) -> None:
    told, slopes = given_round
    order = list(range(len(told)))
    dice.shuffle(order)
    again = reconstruct("d", 8, [told[i] for i in order], slopes[order])
    assert again.tobytes() == reconstruct("d", 8, told, slopes).tobytes()
    assert mean_losses([told[i] for i in order]).tobytes() == mean_losses(told).tobytes()


@FEW
@given(rounds(), st.data())
def test_a_client_that_is_taken_back_leaves_no_trace(
    given_round: tuple[list[Contribution], Ints], data: st.DataObject
) -> None:
    told, slopes = given_round
    kept = data.draw(st.lists(st.booleans(), min_size=len(told), max_size=len(told)))
    if not any(kept):
        kept[0] = True
    counts = TRUST_SCALE * np.array(kept, dtype=np.int64)
    refolded = reconstruct("d", 8, [c for c, k in zip(told, kept, strict=True) if k], slopes[kept])
    assert reconstruct("d", 8, told, slopes, counts).tobytes() == refolded.tobytes()


@FEW
@given(st.integers(0, 10**6), st.integers(2, 20))
def test_the_closed_gradient_is_that_of_the_loss(seed: int, rows: int) -> None:
    split = split_rows(some_batch([rows], seed), [Draw("a", seed)], max(1, rows // 2))
    z = some_z(seed).requires_grad_()
    expected = loss_from_its_definition(split, z)
    (gradient,) = torch.autograd.grad(expected.sum(), z)
    losses, closed = query_gradient(split, z.detach())
    assert torch.allclose(losses[0], expected.detach(), rtol=1e-9, atol=1e-10)
    assert torch.allclose(closed[0], gradient, rtol=1e-7, atol=1e-8)


@FEW
@given(rounds(), st.integers(1, 4))
def test_a_step_that_the_gate_takes_back_leaves_no_trace_in_the_parameters(
    given_round: tuple[list[Contribution], Ints], steps: int
) -> None:
    engine = OnlineMAMLEngine()
    family = engine.start_family(3)
    state = engine.start("d", family, {})
    told = given_round[0]
    for _ in range(steps):
        on_it = [replace(c, meta_version=state.version) for c in told]
        before, before_family = state, family
        state, family, _ = engine.update("d", state, family, on_it)
    worse = [
        bare_contribution(f"voter-{n}", loss=2.0, before=1.0, version=state.version)
        for n in range(8)
    ]
    state, family, report = engine.update("d", state, family, worse)
    assert report.reverted
    assert state.z.tobytes() == before.z.tobytes()
    # A difference of floats is exact but for the last bit of the larger one.
    assert np.allclose(family.z0, before_family.z0, rtol=0, atol=1e-14)
