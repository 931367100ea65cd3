"""A tensor on the wire: shape, dtype and raw little-endian bytes. No torch, no pickle."""

from math import prod
from typing import Literal

import msgspec

DType = Literal["float64", "float32", "int64", "int8"]
ITEM_BYTES: dict[DType, int] = {"float64": 8, "float32": 4, "int64": 8, "int8": 1}


class TensorPayload(msgspec.Struct, frozen=True):
    """A dense tensor in C order; ``data`` has exactly prod(shape) little-endian items.

    Raises:
        ValueError: shape, dtype and the number of bytes disagree (a decoder says malformed).
    """

    shape: tuple[int, ...]
    dtype: DType
    data: bytes

    def __post_init__(self) -> None:
        if len(self.shape) > 4 or any(n < 0 for n in self.shape):
            raise ValueError(f"shape {self.shape} is not one of at most 4 sizes")
        want = prod(self.shape) * ITEM_BYTES[self.dtype]
        if len(self.data) != want:
            raise ValueError(
                f"{self.dtype}{list(self.shape)} needs {want} bytes, got {len(self.data)}"
            )
