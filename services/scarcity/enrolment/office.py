"""The operator's directory: the key, its public half, and the register."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from scarcity.enrolment.papers import (
    TOKEN_ID_BYTES,
    Asked,
    Request,
    Token,
    is_renewed_by,
    read_request,
    read_token,
    token_text,
)
from scarcity.enrolment.register import Line, Register
from scarcity.events.errors import InputError, SignatureError
from scarcity.events.revocation import Revocation
from scarcity.keys.certificate import (
    Certificate,
    is_issued_by,
    issue,
    issuer_of,
    read_certificate,
)
from scarcity.keys.files import read_signing_key, write_key
from scarcity.keys.record_mac import MacSecret, certified_memory_key
from scarcity.keys.signing import KEY_BYTES, PublicKey, SigningKey

KEY_FILE: Final = "operator.key"
REGISTER_FILE: Final = "register.jsonl"
MEMORY_KEY_FILE: Final = "memory.pub"
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Terms:
    """What a certificate will say.

    Attributes:
        valid_days: from its signing.
        epsilon_limit: privacy that insights may declare as spent; None: no limit.
    """

    valid_days: float = 365.0
    epsilon_limit: float | None = None


def open_office(directory: Path) -> "Office":
    """Make the operator's directory: a key, and an empty register.

    Raises:
        InputError: there is one already, or it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made: {error}") from None
    if (directory / REGISTER_FILE).exists():
        raise InputError(f"{directory}: holds a register already")
    write_key(directory / KEY_FILE, SigningKey.make())
    (directory / REGISTER_FILE).touch(mode=0o600)
    return Office(directory)


class Office:
    """Gives out tokens and certificates.

    Raises:
        InputError: the directory holds no key or no register.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        if not (directory / REGISTER_FILE).exists():
            raise InputError(f"{directory}: holds no register; `scarcity ca init` makes one")
        self.key = read_signing_key(directory / KEY_FILE)

    def make_memory_key(self, path: Path) -> None:
        """Make the memory's secret, and keep its public half here: certificates bring it along.

        Raises:
            InputError: there is one, or the file cannot be written.
        """
        kept = self.directory / MEMORY_KEY_FILE
        if kept.exists() or path.exists():
            raise InputError(f"{kept if kept.exists() else path}: is there already")
        secret = MacSecret(secrets.token_bytes(KEY_BYTES))
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secret.seed.hex() + "\n")
            kept.write_bytes(certified_memory_key(secret.public, self.key))
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error}") from None

    def memory_key(self) -> bytes:
        """The certified public key of the memory; empty: none was made."""
        path = self.directory / MEMORY_KEY_FILE
        return path.read_bytes() if path.exists() else b""

    def register(self) -> Register:
        """The register as it stands.

        Raises:
            InputError: a line cannot be read.
        """
        return Register.of(self._lines())

    def invite(
        self, client_id: str, domain: str, terms: Terms, *, token_days: float, now_ms: int
    ) -> str:
        """A token for a client.

        Raises:
            InputError: the name is taken in another domain, or too long.
        """
        if not 1 <= len(client_id.encode()) <= 256:
            raise InputError("a client's name has 1 to 256 bytes")
        with self._writing() as register:
            register.check_name(client_id, domain)
            expires = now_ms + int(token_days * DAY_MS)
            token_id = secrets.token_bytes(TOKEN_ID_BYTES)
            token = Token(token_id, client_id, domain, expires, self.key.public.raw)
            line = Line(
                "token",
                client_id,
                domain,
                now_ms,
                token=token_id.hex(),
                expires_at_ms=expires,
                valid_days=terms.valid_days,
                epsilon_limit=terms.epsilon_limit,
            )
            self._append(line)
        return token_text(token, self.key)

    def sign(self, request: str, *, now_ms: int) -> bytes:
        """The certificate that a request asks for; a token is then used, a certificate renewed.

        Raises:
            InputError: the request is not to be granted; says why.
        """
        asked_for, asked = read_request(request)
        with self._writing() as register:
            if asked_for.certificate:
                before = self._renewed(register, asked_for, asked, now_ms)
                terms, token, renews = before, "", before.serial
            else:
                token = self._token_id(asked_for)
                terms, renews = register.terms(token, now_ms), 0
                register.check_name(terms.client_id, terms.domain)
            certificate = Certificate(
                terms.client_id,
                terms.domain,
                asked_for.public_key,
                register.next_serial(now_ms),
                now_ms,
                now_ms + int(terms.valid_days * DAY_MS),
                issuer_of(self.key.public),
                terms.epsilon_limit,
            )
            raw = issue(certificate, self.key)
            self._append(_line(certificate, terms.valid_days, token, renews))
        return raw

    def note_revocation(self, told: Revocation) -> None:
        """Note a revocation that was published."""
        with self._writing():
            line = Line(
                "revocation",
                told.client_id,
                told.domain,
                told.revoked_at_ms,
                serial=told.serial,
                reason=told.reason,
            )
            self._append(line)

    def _token_id(self, request: Request) -> str:
        token = read_token(request.token)
        if token.operator != self.key.public.raw:
            raise InputError("the token was made by another operator")
        return token.token_id.hex()

    def _renewed(self, register: Register, request: Request, asked: Asked, now_ms: int) -> Line:
        try:
            before = read_certificate(request.certificate)
        except SignatureError as error:
            raise InputError(str(error)) from None
        if not is_issued_by(request.certificate, self.key.public):
            raise InputError("the certificate to renew was signed by another operator")
        if not is_renewed_by(asked, PublicKey(before.public_key)):
            raise InputError("the renewal is not signed by the key that the certificate is for")
        return register.renewable(before.client_id, before.serial, now_ms)

    @contextmanager
    def _writing(self) -> Iterator[Register]:
        """The register, while nobody else writes: no token may be used twice at once."""
        with (self.directory / REGISTER_FILE).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield self.register()

    def _append(self, line: Line) -> None:
        with (self.directory / REGISTER_FILE).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[Line]:
        path = self.directory / REGISTER_FILE
        lines = []
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            try:
                lines.append(msgspec.json.decode(raw, type=Line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise InputError(f"{path} line {number}: {error}") from None
        return lines


def _line(certificate: Certificate, valid_days: float, token: str, renews: int) -> Line:
    return Line(
        "certificate",
        certificate.client_id,
        certificate.domain,
        certificate.issued_at_ms,
        token=token,
        serial=certificate.serial,
        renews=renews,
        expires_at_ms=certificate.expires_at_ms,
        valid_days=valid_days,
        epsilon_limit=certificate.epsilon_limit,
        public_key=certificate.public_key.hex(),
    )
