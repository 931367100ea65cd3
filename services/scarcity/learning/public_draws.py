"""Draws that anyone can repeat, today and in years: SHAKE-256 over a purpose and its parts.

A library's generator may change between releases; clients of a domain must get the same feature
maps, and an auditor the same directions, from the names alone.
"""

import hashlib

import numpy as np
import numpy.typing as npt


def draw_bytes(purpose: str, *parts: str | int, count: int) -> bytes:
    """Return ``count`` bytes drawn from the purpose and the parts; each part is length-prefixed.

    >>> draw_bytes("x", "ab", "c", count=4) == draw_bytes("x", "a", "bc", count=4)
    False
    """
    message = b"scarcity/1"
    for part in (purpose, *parts):
        raw = str(part).encode()
        message += len(raw).to_bytes(4, "little") + raw
    return hashlib.shake_256(message).digest(count)


def draw_words(purpose: str, *parts: str | int, count: int) -> npt.NDArray[np.uint64]:
    """Return ``count`` uniform 64-bit words."""
    raw = draw_bytes(purpose, *parts, count=8 * count)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)


def draw_uniforms(purpose: str, *parts: str | int, count: int) -> npt.NDArray[np.float64]:
    """Return ``count`` uniforms in the open interval (0, 1), on a grid of 2**-53.

    >>> bool((0 < (u := draw_uniforms("x", count=99))).all() and (u < 1).all())
    True
    """
    words = draw_words(purpose, *parts, count=count) >> np.uint64(12)
    uniforms: npt.NDArray[np.float64] = (words.astype(np.float64) + 0.5) * 2.0**-52
    return uniforms
