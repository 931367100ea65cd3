import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.learning.directions import DIRECTION_COUNT, block, fwht, hadamard, signs

INTEGERS = st.integers(-(2**40), 2**40)


@given(st.lists(INTEGERS, min_size=128, max_size=128))
def test_the_transform_is_exact_and_its_own_inverse(values: list[int]) -> None:
    array = np.array(values, dtype=np.int64)
    assert (fwht(fwht(array)) == DIRECTION_COUNT * array).all()


def test_the_transform_equals_sylvester_s_matrix() -> None:
    # H_{2n} = [[H_n, H_n], [H_n, -H_n]].
    h = np.ones((1, 1), dtype=np.int64)
    while len(h) < DIRECTION_COUNT:
        h = np.block([[h, h], [h, -h]])
    assert (hadamard() == h).all()
    values = np.arange(3 * DIRECTION_COUNT).reshape(3, DIRECTION_COUNT)
    assert (fwht(values) == values @ h).all()


def test_lengths_that_are_no_power_of_two_are_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        fwht(np.zeros(12, dtype=np.int64))


def test_every_version_has_signs_of_its_own() -> None:
    assert (signs("retail", 1) == signs("retail", 1)).all()
    assert (signs("retail", 1) != signs("retail", 2)).any()
    assert (signs("retail", 1) != signs("wholesale", 1)).any()
    assert set(np.unique(signs("retail", 1)).tolist()) == {-1, 1}


def test_a_block_is_eight_neighbouring_columns_and_all_blocks_are_drawn() -> None:
    blocks = [tuple(block("shop-7", sequence).tolist()) for sequence in range(400)]
    # 16 blocks: the chance that 400 uniform draws miss one is 16 * (15/16)^400 < 1e-9.
    assert set(blocks) == {tuple(range(8 * b, 8 * b + 8)) for b in range(16)}
