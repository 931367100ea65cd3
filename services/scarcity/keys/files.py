"""Key files: PEM, as openssl reads and writes it too.

A private key is one PKCS #8 block, in a file that only its owner can read. A file of public keys
holds one block a key, several when keys are replaced; text between the blocks is ignored.
"""

import os
import re
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from scarcity.events.errors import InputError
from scarcity.keys.signing import PublicKey, SigningKey, TrustedKeys

PUBLIC_SUFFIX: Final = ".pub"
_BLOCK: Final = re.compile(
    rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", flags=re.DOTALL
)


def private_pem(key: SigningKey) -> bytes:
    """A private key as PKCS #8."""
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: PublicKey) -> bytes:
    """A public key as SubjectPublicKeyInfo."""
    public = Ed25519PublicKey.from_public_bytes(key.raw)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write_key(path: Path, key: SigningKey) -> Path:
    """Write a private key, and its public half beside it; nothing is overwritten.

    Returns:
        The file of the public half: ``path`` with `.pub` behind it.

    Raises:
        InputError: a file is there already, or cannot be written.
    """
    beside = path.with_name(path.name + PUBLIC_SUFFIX)
    for file in (path, beside):
        if file.exists():
            raise InputError(f"{file}: is there already; a key is never overwritten")
    try:
        # Created closed: between a chmod and its open a secret could be read.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as secret:
            secret.write(private_pem(key))
        beside.write_bytes(public_pem(key.public))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
    return beside


def read_signing_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises:
        InputError: the file cannot be read, or holds no unencrypted Ed25519 key.
    """
    raw = _read(path)
    try:
        private = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(
            f"{path}: holds no unencrypted Ed25519 private key; `scarcity keys make FILE` makes one"
        )
    return SigningKey(private.private_bytes_raw())


def read_trusted_keys(path: Path) -> TrustedKeys:
    """Read public keys, to judge by; raises as :func:`read_public_keys`."""
    return TrustedKeys(read_public_keys(path))


def read_public_keys(path: Path) -> list[PublicKey]:
    """Read public keys.

    Raises:
        InputError: the file cannot be read, holds none, or one that is no Ed25519 key.
    """
    raw = _read(path)
    keys = [_public_key(path, block) for block in _BLOCK.findall(raw)]
    if not keys:
        raise InputError(
            f"{path}: holds no public key (a block -----BEGIN PUBLIC KEY-----); "
            f"`scarcity keys make FILE` writes one to FILE{PUBLIC_SUFFIX}"
        )
    return keys


def read_ids(path: Path) -> list[str]:
    """Ids of the keys that a file holds: a private key, or public ones.

    Raises:
        InputError: the file cannot be read, or holds neither.
    """
    if b"PRIVATE KEY-----" in _read(path):
        return [read_signing_key(path).public.key_id]
    return read_trusted_keys(path).ids


def _public_key(path: Path, block: bytes) -> PublicKey:
    try:
        public = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise InputError(f"{path}: holds a public key that is no Ed25519 key")
    return PublicKey(public.public_bytes_raw())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
