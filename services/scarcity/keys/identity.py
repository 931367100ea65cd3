"""A client's identity on disk: its private key, and the operator's certificate for it.

`client.key` (PEM, mode 600) is made here and stays here. `client.cert` is text, so that it can go
through any mail. A process that speaks for many clients has a directory of such directories, one a
client, each named like its client.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from scarcity.events.errors import InputError, SignatureError
from scarcity.keys.certificate import Certificate, day, read_certificate
from scarcity.keys.files import read_signing_key
from scarcity.keys.record_mac import MEMORY_KEY, client_mac_key, read_memory_key
from scarcity.keys.record_signing import Identity
from scarcity.keys.signing import KEY_BYTES, PublicKey, SigningKey

KEY_FILE: Final = "client.key"
CERTIFICATE_FILE: Final = "client.cert"
IDENTITY_DIR_KEY: Final = "SCARCITY_IDENTITY_DIR"
CERTIFICATE: Final = "SCARCITY CERTIFICATE"
_LINE: Final = 64


def armour(kind: str, raw: bytes, *, head: str = "") -> str:
    """Bytes as text between two marks; ``head``: a line for people, which is not read.

    >>> print(armour("NOTE", b"hi", head="hello"))
    hello
    -----BEGIN NOTE-----
    aGk=
    -----END NOTE-----
    <BLANKLINE>
    """
    text = base64.b64encode(raw).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    told = [head] if head else []
    return "\n".join([*told, f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


def unarmour(kind: str, text: str) -> bytes | None:
    """The bytes between the marks; None: there are none.

    >>> unarmour("NOTE", armour("NOTE", b"hi"))
    b'hi'
    """
    found = re.search(f"-----BEGIN {kind}-----([A-Za-z0-9+/=\\s]*)-----END {kind}-----", text)
    if found is None:
        return None
    try:
        return base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        return None


def identity_directory(root: Path, client_id: str) -> Path:
    """Where a client's identity lies under the directory of a process.

    Raises:
        InputError: a name that cannot be a directory's.
    """
    name = quote(client_id, safe="")
    if set(name) <= {"."}:
        raise InputError(f"client {client_id!r}: choose a name that can be a directory's")
    return root / name


def certificate_text(raw: bytes, memory_key: bytes = b"") -> str:
    """A certificate as a file holds it; ``memory_key``: the certified key of the memory with it."""
    text = armour(CERTIFICATE, raw, head=read_certificate(raw).describe())
    return text + (armour(MEMORY_KEY, memory_key) if memory_key else "")


def read_certificate_file(path: Path) -> bytes:
    """The bytes of a certificate.

    Raises:
        InputError: the file cannot be read or holds none.
    """
    raw = unarmour(CERTIFICATE, read_text(path))
    if raw is None:
        raise InputError(f"{path}: holds no certificate (-----BEGIN {CERTIFICATE}-----)")
    try:
        read_certificate(raw)
    except SignatureError as error:
        raise InputError(f"{path}: {error}") from None
    return raw


def read_identity(directory: Path) -> Identity:
    """A client's key and certificate.

    Raises:
        InputError: a file is missing, or the certificate is for another key.
    """
    where = directory / CERTIFICATE_FILE
    if (directory / KEY_FILE).exists() and not where.exists():
        raise InputError(
            f"{directory}: there is a key but no certificate yet: the operator signs the request "
            "(`scarcity enrol --sign FILE`), then `scarcity join --certificate FILE`"
        )
    key = read_signing_key(directory / KEY_FILE)
    raw = read_certificate_file(where)
    certificate = read_certificate(raw)
    if certificate.public_key != key.public.raw:
        raise InputError(f"{where}: is the certificate of another key than {KEY_FILE} beside it")
    return Identity(key, certificate, raw, _mac_key(directory, key))


def read_memory_key_of(path: Path, operators: Iterable[PublicKey]) -> bytes | None:
    """The certified key of the memory in a certificate's file; None: there is none.

    Raises:
        InputError: it is not by one of these operators.
    """
    raw = unarmour(MEMORY_KEY, read_text(path))
    if raw is None:
        return None
    if not any(raw[-KEY_BYTES:] == _memory_key(raw, operator) for operator in operators):
        raise InputError(f"{path}: the memory's key in it is not signed by the operator")
    return raw


def _memory_key(raw: bytes, operator: PublicKey) -> bytes | None:
    try:
        return read_memory_key(raw, operator)
    except InputError:
        return None


def _mac_key(directory: Path, key: SigningKey) -> bytes:
    # Who signed it was looked at when it was put here (enrolment/joining.py).
    raw = unarmour(MEMORY_KEY, read_text(directory / CERTIFICATE_FILE))
    return b"" if raw is None else client_mac_key(key, raw[-KEY_BYTES:])


def read_identities(root: Path, domain: str, clients: Iterable[str]) -> Mapping[str, Identity]:
    """Identities of the clients of a process, by name.

    Args:
        root: the directory of one identity, or of one directory a client.

    Raises:
        InputError: one is missing, of another client, or of another domain.
    """
    names = list(clients)
    single = (root / KEY_FILE).exists()
    found = {}
    for client in names:
        directory = root if single else identity_directory(root, client)
        if not (directory / KEY_FILE).exists():
            raise InputError(
                f"{directory}: holds no identity of client {client!r} ({KEY_FILE}): "
                "`scarcity join TOKEN` makes one from the operator's token"
            )
        identity = read_identity(directory)
        told = identity.certificate
        if (told.client_id, told.domain) != (client, domain):
            raise InputError(
                f"{directory}: the certificate is of client {told.client_id!r} in domain "
                f"{told.domain!r}, not of {client!r} in {domain!r}"
            )
        found[client] = identity
    return found


def check_not_expired(identities: Iterable[Identity], now_ms: int) -> None:
    """Refuse to begin with a certificate that nobody accepts any more.

    Raises:
        InputError: one has expired.
    """
    for identity in identities:
        told = identity.certificate
        if now_ms > told.expires_at_ms:
            raise InputError(
                f"the certificate of {told.client_id!r} expired at {day(told.expires_at_ms)}: ask "
                "the operator for a token (`scarcity enrol`), then `scarcity join TOKEN --again`"
            )


def describe(certificate: Certificate, now_ms: int) -> str:
    """A certificate and how long it still holds."""
    left = (certificate.expires_at_ms - now_ms) // 86_400_000
    return f"{certificate.describe()} ({left} days left)"


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
