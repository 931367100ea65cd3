import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.learning.rounds import bare_contribution

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.contribution import (
    Contribution,
    cap_slopes,
    mean_losses,
    reconstruct,
    slope_norms,
    typical_losses,
)
from scarcity.learning.directions import block, hadamard, signs
from scarcity.learning.settings import TRUST_SCALE

GRADIENT = np.random.default_rng(1).normal(size=(10, 129))


def _report(client_id: str, sequence: int, version: int) -> Contribution:
    """An insight of a client whose gradient is GRADIENT."""
    q = signs("d", version)[:, None] * hadamard() / np.sqrt(128)
    projections = GRADIENT[:, :128] @ q[:, block(client_id, sequence)]
    exact = np.concatenate([projections, GRADIENT[:, 128:]], axis=1)
    slopes = np.rint(exact * SLOPE_SCALE).astype(np.int64)
    return Contribution(client_id, sequence, version, np.ones(10), 4, slopes=slopes)


def _rebuilt(reports: list[Contribution], version: int) -> npt.NDArray[np.float64]:
    slopes = np.stack([r.slopes for r in reports if r.slopes is not None])
    return reconstruct("d", version, reports, slopes)


def _covering(version: int) -> list[Contribution]:
    """One report a block."""
    reports: dict[int, Contribution] = {}
    for sequence in range(1000):
        reports.setdefault(int(block("a", sequence)[0]), _report("a", sequence, version))
    assert len(reports) == 16
    return list(reports.values())


def test_the_gradient_is_exact_when_every_direction_is_reported() -> None:
    rebuilt = _rebuilt(_covering(3), 3)
    # Rounding: 128 slopes to half a unit of 2**-24, over sqrt(128).
    assert np.abs(rebuilt - GRADIENT).max() < 12 / SLOPE_SCALE


def test_the_gradient_is_unbiased_over_the_draws_of_blocks() -> None:
    rebuilt = np.mean([_rebuilt([_report("a", s, 0)], 0) for s in range(3000)], axis=0)
    # 16 x one block of 16: variance 15 |g|^2 / 128 an entry, here |g|^2 / 128 = 1. The mean of 3000
    # draws is off by sqrt(15 / 3000) = 0.071 (rms), were it biased, by far more.
    assert np.sqrt(np.mean((rebuilt - GRADIENT)[:, :128] ** 2)) < 1.5 * 0.071
    assert np.allclose(rebuilt[:, -1], GRADIENT[:, -1], atol=1e-6)


@given(st.permutations(range(40)))
def test_the_order_of_the_insights_does_not_change_a_bit(order: list[int]) -> None:
    reports = [_report(f"client-{i}", i, 2 + i % 3) for i in range(40)]
    shuffled = [reports[i] for i in order]
    assert _rebuilt(shuffled, 5).tobytes() == _rebuilt(reports, 5).tobytes()
    assert mean_losses(shuffled).tobytes() == mean_losses(reports).tobytes()


def test_older_insights_weigh_less() -> None:
    fresh, stale = _covering(3), _covering(1)
    for report in stale:
        assert report.slopes is not None
        report.slopes[:] = 0
    # Staleness 0 and 2: weights 1 and 1/3, so the mean is 1 / (1 + 1/3) = 3/4 of the gradient.
    assert np.allclose(_rebuilt([*fresh, *stale], 3), 0.75 * GRADIENT, atol=1e-4)


def test_a_capped_contribution_keeps_its_direction() -> None:
    slopes = np.full((2, 10, 9), SLOPE_SCALE, dtype=np.int64)
    slopes[1] *= 100
    norms = slope_norms(slopes)
    # Nine slopes of 1: the norm is 3.
    assert np.allclose(norms, [[3.0] * 10, [300.0] * 10])
    capped = cap_slopes(slopes, norms, np.full(10, 6.0))
    assert (capped[0] == slopes[0]).all()
    assert (capped[1] == 2 * SLOPE_SCALE).all()


def test_the_mean_loss_leaves_out_missing_experts_and_tames_a_liar() -> None:
    reports = [bare_contribution(str(i), loss=1.0) for i in range(3)]
    liar = bare_contribution("liar", loss=1e9)
    reports[0].losses[2] = np.nan
    losses = mean_losses([*reports, liar])
    # The liar counts as 4 medians: (1 + 1 + 1 + 4) / 4, and (1 + 1 + 4) / 3 where one is missing.
    assert losses[0] == pytest.approx(1.75)
    assert losses[2] == pytest.approx(2.0)


def test_an_expert_that_no_one_runs_has_no_mean_loss() -> None:
    report = bare_contribution()
    report.losses[4] = np.nan
    assert np.isnan(mean_losses([report])).tolist() == [i == 4 for i in range(10)]


def test_a_client_that_does_not_count_changes_nothing() -> None:
    reports = _covering(3)
    liar = _report("liar", 7, 3)
    assert liar.slopes is not None
    slopes = np.stack([r.slopes for r in reports if r.slopes is not None])
    with_liar = np.concatenate([slopes, -1000 * liar.slopes[None]])
    counts = np.array([TRUST_SCALE] * len(reports) + [0])
    found = reconstruct("d", 3, [*reports, liar], with_liar, counts)
    assert np.array_equal(found, reconstruct("d", 3, reports, slopes))


def test_counting_half_is_counting_half_as_often() -> None:
    reports = _covering(3)
    other = _report("other", 7, 3)
    assert other.slopes is not None
    slopes = np.stack([r.slopes for r in [*reports, other] if r.slopes is not None])
    slopes[-1] = 0
    half = np.array([TRUST_SCALE] * len(reports) + [TRUST_SCALE // 2])
    twice = [2 * TRUST_SCALE] * len(reports) + [TRUST_SCALE]
    found = reconstruct("d", 3, [*reports, other], slopes, half)
    assert np.array_equal(found, reconstruct("d", 3, [*reports, other], slopes, np.array(twice)))


def test_typical_losses_are_what_most_clients_find() -> None:
    honest = [np.array([1.0, 2.0]) * scale for scale in (1.0, 2.0, 3.0)]
    bait = [np.array([0.0, 1e9])] * 2
    # Means of the five: 1.5, 3, 4.5 and twice 5e8, the median 4.5; shares: 0, 0, 2/3, 2/3, 2/3 of
    # the first expert and 4/3, 4/3, 4/3, 2, 2 of the second.
    assert typical_losses(honest + bait) == pytest.approx([3.0, 6.0])


def test_typical_losses_where_nobody_reports_are_not_known() -> None:
    told = typical_losses([np.array([1.0, np.nan]), np.array([3.0, np.nan])])
    assert told[0] == 1.0
    assert np.isnan(told[1])
    assert typical_losses([np.array([0.0, np.nan])])[0] == 0.0
