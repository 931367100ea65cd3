"""A client's side: it makes its key, asks for a certificate, and takes it."""

from pathlib import Path
from typing import Final

from scarcity.enrolment.papers import read_token, renewal_text, request_text, token_bytes
from scarcity.events.errors import InputError
from scarcity.keys.certificate import Certificate, is_issued_by, read_certificate
from scarcity.keys.files import (
    PUBLIC_SUFFIX,
    public_pem,
    read_public_keys,
    read_signing_key,
    write_key,
)
from scarcity.keys.identity import (
    CERTIFICATE_FILE,
    KEY_FILE,
    certificate_text,
    read_certificate_file,
    read_identity,
    read_memory_key_of,
)
from scarcity.keys.signing import PublicKey, SigningKey

REQUEST_FILE: Final = "client.request"
OPERATOR_FILE: Final = "operator.pub"
NEXT_KEY_FILE: Final = "client.next.key"


def join(directory: Path, token: str, *, again: bool = False) -> Path:
    """Make a key, and a request for its certificate.

    Args:
        again: there is an identity already, and it is of no use any more: a new key takes its
            place once the certificate is there.

    Returns:
        The file of the request, for the operator.

    Raises:
        InputError: the token cannot be read, or there is an identity already.
    """
    raw = token_bytes(token)
    told = read_token(raw)
    _make(directory)
    if (directory / CERTIFICATE_FILE).exists() and not again:
        raise InputError(
            f"{directory}: holds an identity already; --renew asks for the next certificate, "
            "--again begins anew with this token"
        )
    name = NEXT_KEY_FILE if (directory / CERTIFICATE_FILE).exists() else KEY_FILE
    key = _key(directory / name)
    _write(directory / OPERATOR_FILE, public_pem(PublicKey(told.operator)).decode())
    return _write(directory / REQUEST_FILE, request_text(raw, key))


def renew(directory: Path) -> Path:
    """Make the next key, and a request that both keys sign; the present one goes on meanwhile.

    Raises:
        InputError: there is no identity.
    """
    identity = read_identity(directory)
    key = _key(directory / NEXT_KEY_FILE)
    return _write(directory / REQUEST_FILE, renewal_text(identity, key))


def install(directory: Path, certificate_file: Path) -> Certificate:
    """Take the certificate that the operator signed; of a renewal, with the key it is for.

    Raises:
        InputError: it is for another key, or by another operator than the token was.
    """
    raw = read_certificate_file(certificate_file)
    told = read_certificate(raw)
    operators = read_public_keys(directory / OPERATOR_FILE)
    if not any(is_issued_by(raw, operator) for operator in operators):
        raise InputError(
            f"{certificate_file}: is not signed by the operator whose token this client joined "
            f"with ({directory / OPERATOR_FILE})"
        )
    memory_key = read_memory_key_of(certificate_file, operators)
    name = next((n for n in (KEY_FILE, NEXT_KEY_FILE) if _is_for(told, directory / n)), None)
    if name is None:
        raise InputError(
            f"{certificate_file}: is for another key than those in {directory}; the request that "
            f"the operator needs is {REQUEST_FILE} there"
        )
    # In this order a stop in between leaves a key and a certificate that do not fit, which is said
    # at the next start, and the same command mends it.
    if name == NEXT_KEY_FILE:
        for suffix in (PUBLIC_SUFFIX, ""):
            (directory / (NEXT_KEY_FILE + suffix)).replace(directory / (KEY_FILE + suffix))
    _write(directory / CERTIFICATE_FILE, certificate_text(raw, memory_key or b""))
    (directory / REQUEST_FILE).unlink(missing_ok=True)
    return told


def _is_for(certificate: Certificate, path: Path) -> bool:
    return path.exists() and read_signing_key(path).public.raw == certificate.public_key


def _key(path: Path) -> SigningKey:
    """The key of a file; a request that was not answered yet is made anew with the same key."""
    if not path.exists():
        write_key(path, SigningKey.make())
    return read_signing_key(path)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made: {error}") from None


def _write(path: Path, text: str) -> Path:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
    return path
