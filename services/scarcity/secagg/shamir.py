"""Secrets of 32 bytes in shares, of which any ``threshold`` give them back and fewer tell nothing.

A polynomial of degree threshold - 1 over a prime field with the secret as its value at 0; a share
is its value at the holder's number, from 1.

Own arithmetic on Python's integers: the well-kept library at hand (pycryptodome) shares 16 bytes
over GF(2^128) and takes some hundred times as long. Python's integers do not take constant time: a
process that shares a core with a member can measure that.

Source: Shamir (1979), "How to share a secret", Communications of the ACM 22, 612-613.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

SECRET_BYTES: Final = 32
SHARE_BYTES: Final = 33
PRIME: Final = 2**256 + 297  # the smallest above all secrets


class ShareError(ValueError):
    """Shares that no secret has."""


def draw_number(draw: Callable[[int], bytes], prime: int = PRIME) -> int:
    """A number below ``prime``, all equally likely, from bytes that ``draw`` gives."""
    size = (prime.bit_length() + 7) // 8
    spare = 8 * size - prime.bit_length()
    # Cut to the prime's bits, a draw is rejected in less than half of the cases.
    while (number := int.from_bytes(draw(size), "big") >> spare) >= prime:
        pass
    return number


def split(
    secret: int, threshold: int, holders: int, draw: Callable[[int], bytes], prime: int = PRIME
) -> list[int]:
    """Shares of holders 1 to ``holders``.

    Args:
        draw: so many secret random bytes.

    Raises:
        ValueError: the threshold is not one of 1 to ``holders``, or the secret not below the prime.

    >>> split(5, 2, 3, lambda size: bytes([3 << 5]), prime=7)
    [1, 4, 0]
    """
    if not 1 <= threshold <= holders < prime:
        raise ValueError(f"threshold {threshold} of {holders} holders")
    if not 0 <= secret < prime:
        raise ValueError("the secret must lie below the prime")
    # The highest first, as Horner's rule takes them.
    coefficients = [draw_number(draw, prime) for _ in range(threshold - 1)] + [secret]
    shares = []
    for x in range(1, holders + 1):
        value = 0
        for coefficient in coefficients:
            value = (value * x + coefficient) % prime
        shares.append(value)
    return shares


def combine(shares: Mapping[int, int], threshold: int, prime: int = PRIME) -> int:
    """The secret, from shares by holder; the lowest ``threshold`` holders are used.

    Raises:
        ShareError: fewer than ``threshold`` shares.

    >>> combine({1: 1, 3: 0}, 2, prime=7)
    5
    """
    if len(shares) < threshold:
        raise ShareError(f"{len(shares)} shares; {threshold} open a secret")
    holders = tuple(sorted(shares)[:threshold])
    weights = _weights(holders, prime)
    return sum(w * shares[x] for w, x in zip(weights, holders, strict=True)) % prime


@lru_cache(maxsize=64)  # a round opens many secrets with the same holders
def _weights(holders: Sequence[int], prime: int) -> tuple[int, ...]:
    weights = []
    for x in holders:
        above, below = 1, 1
        for other in holders:
            if other != x:
                above = above * other % prime
                below = below * (other - x) % prime
        weights.append(above * pow(below, -1, prime) % prime)
    return tuple(weights)


def to_bytes(share: int) -> bytes:
    """A share as SHARE_BYTES bytes."""
    return share.to_bytes(SHARE_BYTES, "big")


def from_bytes(raw: bytes) -> int:
    """A share from its bytes.

    Raises:
        ShareError: not SHARE_BYTES bytes, or no number of the field.
    """
    number = int.from_bytes(raw, "big")
    if len(raw) != SHARE_BYTES or number >= PRIME:
        raise ShareError("no share: not a number of the field in 33 bytes")
    return number


def secret_bytes(secret: int) -> bytes:
    """A secret as SECRET_BYTES bytes.

    Raises:
        ShareError: it is above all secrets: the shares are not of one secret.
    """
    if secret >> (8 * SECRET_BYTES):
        raise ShareError("these shares are not of one secret")
    return secret.to_bytes(SECRET_BYTES, "big")
