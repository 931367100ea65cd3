"""Key files are PEM, closed to others, never overwritten, and refused with what to do."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from scarcity.events.errors import InputError
from scarcity.keys.files import (
    private_pem,
    public_pem,
    read_ids,
    read_signing_key,
    read_trusted_keys,
    write_key,
)
from scarcity.keys.signing import SigningKey

KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1] * 32))


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "writer.key"
    public = write_key(path, KEY)
    assert read_signing_key(path) == KEY
    assert public == tmp_path / "writer.key.pub"
    assert read_trusted_keys(public).ids == [KEY.public.key_id]
    assert read_ids(path) == read_ids(public) == [KEY.public.key_id]


def test_only_the_owner_can_read_a_private_key(tmp_path: Path) -> None:
    path = tmp_path / "writer.key"
    write_key(path, KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in path.with_name("writer.key.pub").read_bytes()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "writer.key"
    write_key(path, KEY)
    with pytest.raises(InputError, match="never overwritten"):
        write_key(path, OTHER)
    assert read_signing_key(path) == KEY


def test_several_public_keys_and_text_between_them(tmp_path: Path) -> None:
    path = tmp_path / "trusted.pem"
    path.write_bytes(
        b"writer since May:\n" + public_pem(KEY.public) + b"\nbefore:\n" + public_pem(OTHER.public)
    )
    assert read_trusted_keys(path).ids == sorted([KEY.public.key_id, OTHER.public.key_id])


def _encrypted() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    return private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


_X25519 = X25519PrivateKey.from_private_bytes(bytes(32))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"rubbish",
        public_pem(KEY.public),
        private_pem(KEY)[:-40],
        _encrypted(),
    ],
)
def test_what_is_no_private_key_is_refused_in_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"file: holds no .* `scarcity keys make FILE`"):
        read_signing_key(path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (private_pem(KEY), "holds no public key"),
        (b"", "holds no public key"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "holds a public key that is no Ed25519 key",
        ),
        (
            _X25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "holds a public key that is no Ed25519 key",
        ),
    ],
)
def test_what_is_no_file_of_public_keys_is_refused(
    tmp_path: Path, raw: bytes, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_trusted_keys(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_signing_key, read_trusted_keys, read_ids):
        with pytest.raises(InputError, match="none: cannot be read: No such file"):
            read(tmp_path / "none")
