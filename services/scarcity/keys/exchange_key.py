"""X25519 keys (RFC 7748): what is sealed for one can be opened by its holder alone.

In an identity's directory the key lies beside the signing key, as PEM (PKCS #8), mode 600.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from scarcity.events.errors import InputError

EXCHANGE_FILE: Final = "exchange.key"
EXCHANGE_KEY_BYTES: Final = 32
ID_BYTES: Final = 8


def exchange_key_id(public: bytes) -> bytes:
    """How a wrapped key names whom it is for: the first 8 bytes of the SHA-256 of the key."""
    return hashlib.sha256(public).digest()[:ID_BYTES]


def is_usable(public: bytes) -> bool:
    """Whether something can be sealed for a key.

    Not for one of another length, nor for a point of small order, with which every secret agrees
    on the same value (RFC 7748, section 6.1).

    >>> is_usable(ExchangeKey(bytes(range(32))).public), is_usable(bytes(32)), is_usable(b"short")
    (True, False, False)
    """
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return False
    return True


_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(range(EXCHANGE_KEY_BYTES)))


@dataclass(frozen=True)
class ExchangeKey:
    """The half that is kept secret; ``raw``: 32 bytes; it is not shown.

    Raises:
        ValueError: not 32 bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != EXCHANGE_KEY_BYTES:
            raise ValueError(f"an X25519 key has {EXCHANGE_KEY_BYTES} bytes, got {len(self.raw)}")

    def __repr__(self) -> str:
        return f"ExchangeKey(key_id={self.key_id.hex()!r})"

    @classmethod
    def make(cls) -> "ExchangeKey":
        """A new key from the system's randomness."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @cached_property
    def private(self) -> X25519PrivateKey:
        """As `cryptography` takes it."""
        return X25519PrivateKey.from_private_bytes(self.raw)

    @cached_property
    def public(self) -> bytes:
        """The other half, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @cached_property
    def key_id(self) -> bytes:
        """Name of the key."""
        return exchange_key_id(self.public)


def read_or_make_exchange_key(directory: Path) -> ExchangeKey:
    """The key of an identity; made and written when the directory has none yet.

    Raises:
        InputError: the file cannot be read or written, or holds no unencrypted X25519 key.
    """
    path = directory / EXCHANGE_FILE
    try:
        if not path.exists():
            return _write(path, ExchangeKey.make())
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read or written: {error.strerror or error}; this key opens what "
            "peers seal for the client"
        ) from None
    try:
        private = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, X25519PrivateKey):
        raise InputError(
            f"{path}: holds no unencrypted X25519 private key; move it away and a new one is made"
        )
    return ExchangeKey(private.private_bytes_raw())


def _write(path: Path, key: ExchangeKey) -> ExchangeKey:
    # Created closed: between a chmod and its open a secret could be read.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as secret:
        secret.write(key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key
