"""Arrays to payloads and back."""

import numpy as np
import numpy.typing as npt

from scarcity.events.tensor import DType, TensorPayload

_DTYPES: dict[str, DType] = {
    "float64": "float64",
    "float32": "float32",
    "int64": "int64",
    "int8": "int8",
}


def to_payload(array: npt.NDArray[np.generic]) -> TensorPayload:
    """Encode an array in C order, little-endian.

    Raises:
        ValueError: the dtype is none of float64, float32, int64, int8.

    >>> to_payload(np.array([[1, 2]], dtype=np.int8))
    TensorPayload(shape=(1, 2), dtype='int8', data=b'\\x01\\x02')
    """
    if (dtype := _DTYPES.get(array.dtype.name)) is None:
        raise ValueError(f"dtype {array.dtype} cannot be sent; one of: {', '.join(_DTYPES)}")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return TensorPayload(tuple(array.shape), dtype, little.tobytes())


def from_payload(payload: TensorPayload) -> npt.NDArray[np.generic]:
    """Decode a payload into an array of its own (writable).

    >>> from_payload(to_payload(np.array([1.5, -2.0]))).tolist()
    [1.5, -2.0]
    """
    little = np.frombuffer(payload.data, np.dtype(payload.dtype).newbyteorder("<"))
    native: npt.NDArray[np.generic] = little.astype(payload.dtype).reshape(payload.shape)
    return native
