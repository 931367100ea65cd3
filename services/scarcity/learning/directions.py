"""The public directions along which a client reports slopes, and the way back from slopes.

Q = diag(signs) H_128 / sqrt(128): orthonormal, and applied by additions alone. The signs come from
(domain, meta_version), the block of neighbouring columns from (client_id, sequence), so that anyone
can recompute which directional derivatives an insight holds.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from scarcity.events.types import FEATURE_COUNT, SLOPES_PER_INSIGHT
from scarcity.learning.public_draws import draw_bytes

DIRECTION_COUNT = 2 * FEATURE_COUNT  # theta and log lambda; log sigma^2 is reported as it is


@lru_cache(maxsize=1024)
def _sign_bytes(domain: str, meta_version: int) -> bytes:
    raw = draw_bytes("signs", domain, meta_version, count=DIRECTION_COUNT // 8)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
    return (2 * bits.astype(np.int8) - 1).tobytes()


def signs(domain: str, meta_version: int) -> npt.NDArray[np.int8]:
    """Signs of a version's basis; int8 [128], each -1 or 1.

    >>> sorted(set(signs("retail", 3).tolist()))
    [-1, 1]
    """
    return np.frombuffer(_sign_bytes(domain, meta_version), np.int8)


def block(
    client_id: str, sequence: int, columns: int = SLOPES_PER_INSIGHT
) -> npt.NDArray[np.int64]:
    """Columns of the basis that an insight reports; int64 [columns], ascending.

    Args:
        columns: slopes an expert, m; one of SLOPE_CHOICES.

    >>> len(block("shop-7", 0))
    8
    """
    first = columns * block_number(client_id, sequence, columns)
    return np.arange(first, first + columns, dtype=np.int64)


@lru_cache(maxsize=1 << 14)  # a round asks for each of its insights more than once
def block_number(client_id: str, sequence: int, columns: int = SLOPES_PER_INSIGHT) -> int:
    """Which block of so many columns an insight reports; below 128 / columns."""
    # One byte draws evenly: the number of blocks is a power of two, at most 64.
    return draw_bytes("block", client_id, sequence, count=1)[0] % (DIRECTION_COUNT // columns)


def fwht(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Fast Walsh-Hadamard transform of the last axis, unscaled: values @ H; exact in int64.

    Args:
        values: int64 [..., d], d a power of two; d times the largest must stay below 2**63.

    Raises:
        ValueError: d is no power of two.

    >>> fwht(np.array([1, 2, 3, 4])).tolist()
    [10, -2, -4, 0]
    """
    d = values.shape[-1]
    if d & (d - 1) or not d:
        raise ValueError(f"the last axis has {d} entries; want a power of two")
    result = values.copy()
    half = 1
    while half < d:
        pairs = result.reshape(*values.shape[:-1], d // (2 * half), 2, half)
        upper, lower = pairs[..., 0, :].copy(), pairs[..., 1, :].copy()
        pairs[..., 0, :] = upper + lower
        pairs[..., 1, :] = upper - lower
        half *= 2
    return result


@lru_cache(maxsize=1)
def hadamard() -> npt.NDArray[np.float64]:
    """Return H_128 in Sylvester's order; float64 [128, 128], entries -1 and 1; never changed."""
    return fwht(np.eye(DIRECTION_COUNT, dtype=np.int64)).astype(np.float64)


@lru_cache(maxsize=8)
def hadamard_blocks(columns: int) -> npt.NDArray[np.float64]:
    """Return H_128 cut into blocks of so many columns; float64 [128 / columns, 128, columns]."""
    cut = hadamard().reshape(DIRECTION_COUNT, DIRECTION_COUNT // columns, columns)
    return np.ascontiguousarray(cut.transpose(1, 0, 2))
