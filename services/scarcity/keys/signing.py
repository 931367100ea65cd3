"""Signatures: who said this. Ed25519 (RFC 8032): deterministic, so that a replay signs the same.

A signature is over a purpose and a message. The purpose keeps a signature of one kind of thing from
passing for one of another kind by the same key.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES: Final = 32
_ID_DIGITS: Final = 32


class Verdict(StrEnum):
    """What became of a signature (a closed set)."""

    GOOD = "good"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown key"
    BAD = "bad"


@dataclass(frozen=True)
class PublicKey:
    """The half that anybody may have; ``raw``: 32 bytes.

    Raises:
        ValueError: not 32 bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, got {len(self.raw)}")

    @property
    def key_id(self) -> str:
        """Name of the key: the first 32 hex digits of the SHA-256 of its bytes."""
        return hashlib.sha256(self.raw).hexdigest()[:_ID_DIGITS]

    def verifies(self, signature: bytes, purpose: str, message: bytes) -> bool:
        """Whether the signature is this key's, over this message, for this purpose."""
        try:
            key = Ed25519PublicKey.from_public_bytes(self.raw)
            key.verify(signature, _framed(purpose, message))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The half that is kept secret; ``seed``: 32 bytes; it is not shown.

    >>> key = SigningKey(bytes(32))
    >>> key.public.verifies(key.sign("note", b"hello"), "note", b"hello")
    True
    >>> key.public.verifies(key.sign("note", b"hello"), "bill", b"hello")
    False
    >>> key
    SigningKey(key_id='139e3940e64b5491722088d9a0d74162')

    Raises:
        ValueError: not 32 bytes.
    """

    seed: bytes

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise ValueError(f"an Ed25519 seed has {KEY_BYTES} bytes, got {len(self.seed)}")

    def __repr__(self) -> str:
        return f"SigningKey(key_id={self.public.key_id!r})"

    @classmethod
    def make(cls) -> "SigningKey":
        """A new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> PublicKey:
        """The other half."""
        return PublicKey(self._private.public_key().public_bytes_raw())

    def sign(self, purpose: str, message: bytes) -> bytes:
        """Signature; 64 bytes.

        Args:
            purpose: what kind of thing is signed, e.g. `ledger-entry`; no line feed.
        """
        return self._private.sign(_framed(purpose, message))

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


class TrustedKeys:
    """Public keys that somebody has reason to trust; several, so that a key can be replaced.

    >>> TrustedKeys([]).judge("", "", "note", b"hello")
    <Verdict.UNSIGNED: 'unsigned'>
    """

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys: Mapping[str, PublicKey] = {key.key_id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> list[PublicKey]:
        """The keys."""
        return list(self._keys.values())

    @property
    def ids(self) -> list[str]:
        """Names of the keys, sorted."""
        return sorted(self._keys)

    def judge(self, key_id: str, signature: str, purpose: str, message: bytes) -> Verdict:
        """What a signature is worth.

        Args:
            key_id: the key that the signer names; empty when unsigned.
            signature: hex; empty when unsigned.
        """
        if not signature and not key_id:
            return Verdict.UNSIGNED
        key = self._keys.get(key_id)
        if key is None:
            return Verdict.UNKNOWN_KEY
        try:
            raw = bytes.fromhex(signature)
        except ValueError:
            return Verdict.BAD
        return Verdict.GOOD if key.verifies(raw, purpose, message) else Verdict.BAD


def _framed(purpose: str, message: bytes) -> bytes:
    return b"scarcity " + purpose.encode() + b"\n" + message
