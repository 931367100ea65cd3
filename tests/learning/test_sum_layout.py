"""What a member adds, and what their sum says."""

import numpy as np
import pytest

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.settings import LOSS_SCALE
from scarcity.learning.sum_layout import WIDTH, SumError, SumLayout

TWO = SumLayout((3, 7), slope_clip=5.0, loss_clip=4.0)
LOSSES = np.array([0.5, 0.25])


def slopes(value: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.full((2, WIDTH), value, dtype=np.int64)


def test_a_sum_of_terms_is_read_as_the_sum_of_their_figures() -> None:
    better = TWO.term(LOSSES, LOSSES + 0.1, slopes(2), 8)
    worse = TWO.term(2 * LOSSES, LOSSES, slopes(-5), 6)
    first = TWO.term(LOSSES, None, slopes(1), 4)
    told = TWO.read(better + worse + first, 3)
    assert told.slopes[[3, 7]].tolist() == slopes(-2).tolist()
    assert (told.losses[3] / LOSS_SCALE, told.losses[7] / LOSS_SCALE) == (2.0, 1.0)
    assert told.heard[[3, 7]].tolist() == [3, 3]
    assert (told.half_votes, told.voters, told.rows) == (2, 2, 18)
    others = [e for e in range(10) if e not in (3, 7)]
    assert not told.slopes[others].any()
    assert not told.heard[others].any()


def test_no_change_is_half_a_vote() -> None:
    assert TWO.read(TWO.term(LOSSES, LOSSES, slopes(), 1), 1).half_votes == 1


def test_a_loss_is_cut_and_one_that_is_no_number_is_left_out_with_its_slopes() -> None:
    told = TWO.read(TWO.term(np.array([9.0, np.nan]), None, slopes(), 1), 1)
    assert told.losses[[3, 7]].tolist() == [4 * LOSS_SCALE, 0]
    assert told.heard[[3, 7]].tolist() == [1, 0]
    assert told.slopes[7].any() == np.False_


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (0, 6 * SLOPE_SCALE, "longer than those of 1 members"),
        (2 * WIDTH, 4 * LOSS_SCALE + 1, "sum of losses"),
        (2 * WIDTH, -1, "sum of losses"),
        (2 * WIDTH + 2, 2, "sum of clients"),
        (-3, 3, "the votes"),
        (-2, 2, "the votes"),
        (-1, -1, "the votes"),
    ],
)
def test_what_no_members_can_have_made_is_refused(place: int, value: int, says: str) -> None:
    total = TWO.term(LOSSES, None, slopes(), 1)
    total[place] = value
    with pytest.raises(SumError, match=says):
        TWO.read(total, 1)


def test_slopes_at_the_clip_are_admitted_though_their_entries_are_rounded() -> None:
    # 129 equal entries whose norm is the clip: each is rounded up by at most half a unit.
    entry = round(5.0 * SLOPE_SCALE / WIDTH**0.5 + 0.5)
    TWO.read(TWO.term(LOSSES, None, slopes(entry), 1), 1)


def test_a_sum_of_noise_is_refused() -> None:
    noise = np.random.default_rng(0).integers(-(2**62), 2**62, TWO.dimension)
    with pytest.raises(SumError):
        TWO.read(noise, 1)
