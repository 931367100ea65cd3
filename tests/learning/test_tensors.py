import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.learning.tensors import from_payload, to_payload


@given(st.sampled_from(["float64", "float32", "int64", "int8"]), st.integers(0, 4), st.integers(0))
def test_every_bit_survives(dtype: str, dims: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    array = (100 * generator.normal(size=generator.integers(0, 4, size=dims))).astype(dtype)
    back = from_payload(to_payload(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_views_and_foreign_byte_orders_are_written_little_endian_in_c_order() -> None:
    array = np.arange(6, dtype=">i8").reshape(2, 3).T
    payload = to_payload(array)
    assert payload.shape == (3, 2)
    assert payload.data == np.array([[0, 3], [1, 4], [2, 5]], dtype="<i8").tobytes()


def test_what_is_read_back_may_be_written_to() -> None:
    back = from_payload(to_payload(np.zeros(2)))
    back[0] = 1.0
    assert back.tolist() == [1.0, 0.0]


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(ValueError, match="float16 cannot be sent"):
        to_payload(np.zeros(2, dtype=np.float16))
