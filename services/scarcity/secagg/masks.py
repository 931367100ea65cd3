"""Masks: pseudorandom vectors modulo 2**64, from seeds that one member or two members know.

Key agreement X25519 (RFC 7748), key derivation HKDF-SHA256 (RFC 5869), pseudorandom generator
AES-256 in counter mode: each key makes one stream, so the counter begins at 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

KEY_BYTES: Final = 32


class WeakKeyError(ValueError):
    """A public key with which nothing secret can be agreed on."""


@dataclass(frozen=True)
class Place:
    """Where a key is used: keys of one round are none of another's."""

    domain: str
    round: int

    def purpose(self, use: str, *names: str) -> bytes:
        """What a derived key is for; each part is length-prefixed."""
        message = b"scarcity/secagg/1"
        for part in (use, self.domain, str(self.round), *names):
            raw = part.encode()
            message += len(raw).to_bytes(4, "little") + raw
        return message


def public_key(secret: bytes) -> bytes:
    """The public half of an X25519 key; 32 bytes each."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def agree(secret: bytes, public: bytes, purpose: bytes) -> bytes:
    """A key of 32 bytes that only the two owners know.

    Raises:
        WeakKeyError: the public key is not 32 bytes, or one of the few that agree on zero with all.
    """
    try:
        other = X25519PublicKey.from_public_bytes(public)
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(other)
    except ValueError:
        raise WeakKeyError("a public key is none of X25519 that keeps a secret") from None
    return HKDF(SHA256(), KEY_BYTES, None, purpose).derive(shared)


def pair_seed(secret: bytes, public: bytes, place: Place, one: str, other: str) -> bytes:
    """Seed of the mask that two members have in common; the same from both sides.

    Raises:
        WeakKeyError: as :func:`agree`.
    """
    return agree(secret, public, place.purpose("mask", *sorted((one, other))))


def mask(seed: bytes, dimension: int) -> Words:
    """The mask of a seed of 32 bytes; uint64 [dimension].

    >>> mask(bytes(32), 2).tolist()
    [9910523521560253916, 9736928157321283757]
    """
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    return np.frombuffer(stream.update(bytes(8 * dimension)), "<u8").astype(np.uint64)


def seal(key: bytes, plain: bytes, purpose: bytes) -> bytes:
    """Encrypt and authenticate; ``key`` must never seal another message."""
    return ChaCha20Poly1305(key).encrypt(bytes(12), plain, purpose)


def unseal(key: bytes, sealed: bytes, purpose: bytes) -> bytes:
    """The plain bytes.

    Raises:
        cryptography.exceptions.InvalidTag: another key or purpose, or a byte was changed.
    """
    return ChaCha20Poly1305(key).decrypt(bytes(12), sealed, purpose)


def to_words(term: Ints) -> Words:
    """A term modulo 2**64; the same bits."""
    return np.ascontiguousarray(term, dtype=np.int64).view(np.uint64)


def to_ints(words: Words) -> Ints:
    """A sum from -2**63 to 2**63 - 1; the same bits."""
    return np.ascontiguousarray(words).view(np.int64)
