"""How a client of the broker proves who it is, and sees that the broker is the right one.

Secrets come by the environment or by a file and are in no repr. SASL's PLAIN is not offered: it
hands the password itself to whoever answers.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scarcity.events.errors import InputError

PROTOCOL_KEY: Final = "SCARCITY_SECURITY_PROTOCOL"
MECHANISM_KEY: Final = "SCARCITY_SASL_MECHANISM"
USERNAME_KEY: Final = "SCARCITY_SASL_USERNAME"
PASSWORD_KEY: Final = "SCARCITY_SASL_PASSWORD"
PASSWORD_FILE_KEY: Final = "SCARCITY_SASL_PASSWORD_FILE"
CA_KEY: Final = "SCARCITY_TLS_CA_FILE"
CERT_KEY: Final = "SCARCITY_TLS_CERT_FILE"
KEY_KEY: Final = "SCARCITY_TLS_KEY_FILE"
KEY_PASSWORD_KEY: Final = "SCARCITY_TLS_KEY_PASSWORD_FILE"

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")
MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256")
_SASL_KEYS: Final = (USERNAME_KEY, PASSWORD_KEY, PASSWORD_FILE_KEY)
_TLS_KEYS: Final = (CA_KEY, CERT_KEY, KEY_KEY, KEY_PASSWORD_KEY)
# For processes that talk to a broker of their parent's on the loopback, whatever the keys say.
PLAIN: Final[Mapping[str, str]] = dict.fromkeys((PROTOCOL_KEY, *_SASL_KEYS, *_TLS_KEYS), "")


@dataclass(frozen=True)
class SecuritySettings:
    """What every connection to the broker is made with.

    Attributes:
        protocol: of PROTOCOLS.
        mechanism: of MECHANISMS.
        ca_file: certificates that the broker's must descend from; empty: the system's.
        cert_file: own certificate and those between it and its authority; empty: none.
        context: made of the files; None without TLS.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    key_password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "SecuritySettings":
        """Read the keys above and the files that they name.

        Raises:
            InputError: a value is unknown, a file cannot be read or is not what it should be, the
                own certificate has expired, or a key is set that the protocol does not use; the
                message names the key.

        >>> SecuritySettings.from_environment({}).protocol
        'PLAINTEXT'
        """
        protocol = _choice(environ, PROTOCOL_KEY, PROTOCOLS)
        mechanism = _choice(environ, MECHANISM_KEY, MECHANISMS)
        uses_sasl, uses_tls = protocol.startswith("SASL"), protocol.endswith("SSL")
        _check_used(environ, protocol, _SASL_KEYS, used=uses_sasl)
        _check_used(environ, protocol, _TLS_KEYS, used=uses_tls)
        username, password = _login(environ) if uses_sasl else ("", "")
        key_file = environ.get(KEY_PASSWORD_KEY)
        found = cls(
            protocol,
            mechanism,
            username,
            password,
            environ.get(CA_KEY, ""),
            environ.get(CERT_KEY, ""),
            environ.get(KEY_KEY, ""),
            _first_line(KEY_PASSWORD_KEY, key_file) if key_file else "",
        )
        return found.with_context() if uses_tls else found

    @property
    def uses_sasl(self) -> bool:
        """Whether a user and a password are shown."""
        return self.protocol.startswith("SASL")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol.endswith("SSL")

    def with_context(self) -> "SecuritySettings":
        """The same with its files read.

        Raises:
            InputError: as :meth:`from_environment`.
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return SecuritySettings(**{**values, "context": _context(self)})

    def aiokafka_options(self) -> dict[str, Any]:
        """Options of every aiokafka client."""
        options: dict[str, Any] = {}
        if self.protocol != "PLAINTEXT":
            options["security_protocol"] = self.protocol
        if self.uses_tls:
            options["ssl_context"] = self.context or _context(self)
        if self.uses_sasl:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def librdkafka_options(self) -> dict[str, str]:
        """Options of confluent-kafka's clients."""
        options = {"security.protocol": self.protocol.lower()}
        if self.uses_tls:
            options |= {
                "ssl.ca.location": self.ca_file,
                "ssl.certificate.location": self.cert_file,
                "ssl.key.location": self.key_file,
                "ssl.key.password": self.key_password,
            }
        if self.uses_sasl:
            options |= {
                "sasl.mechanism": self.mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        return {name: value for name, value in options.items() if value}


def _choice(environ: Mapping[str, str], key: str, words: tuple[str, ...]) -> str:
    word = environ.get(key) or words[0]
    if word not in words:
        raise InputError(f"{key}: {word!r} is unknown; one of: {', '.join(words)}")
    return word


def _check_used(
    environ: Mapping[str, str], protocol: str, keys: tuple[str, ...], *, used: bool
) -> None:
    # Whoever sets a password or a CA and gets a connection without them would never hear of it.
    for key in keys:
        if environ.get(key) and not used:
            raise InputError(f"{key} is set, but {PROTOCOL_KEY} is {protocol} and does not use it")


def _login(environ: Mapping[str, str]) -> tuple[str, str]:
    username, password = environ.get(USERNAME_KEY, ""), environ.get(PASSWORD_KEY, "")
    path = environ.get(PASSWORD_FILE_KEY, "")
    if not username:
        raise InputError(f"{USERNAME_KEY} is missing: {PROTOCOL_KEY} wants a user")
    if password and path:
        raise InputError(f"{PASSWORD_KEY} and {PASSWORD_FILE_KEY} are both set: give one")
    if path:
        password = _first_line(PASSWORD_FILE_KEY, path)
    if not password:
        raise InputError(f"{PASSWORD_FILE_KEY} is missing: user {username!r} has a password")
    return username, password


def read_password(path: Path) -> str:
    """The first line of a file.

    Raises:
        InputError: not readable, or empty.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
    if not lines or not lines[0]:
        raise InputError(f"{path} holds no password on its first line")
    return lines[0]


def _first_line(key: str, path: str) -> str:
    try:
        return read_password(Path(path))
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _context(settings: SecuritySettings) -> ssl.SSLContext:
    if bool(settings.cert_file) != bool(settings.key_file):
        given, missing = (CERT_KEY, KEY_KEY) if settings.cert_file else (KEY_KEY, CERT_KEY)
        raise InputError(f"{missing} is missing: {given} is of no use without it")
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:  # SSLError is one
        raise InputError(f"{CA_KEY}: {settings.ca_file}: {_told(error)}") from None
    if settings.cert_file:
        _check_expiry(settings.cert_file)
        try:
            # A password is always given: without one OpenSSL would ask the terminal.
            context.load_cert_chain(
                settings.cert_file, settings.key_file, settings.key_password or ""
            )
        except OSError as error:
            raise InputError(
                f"{KEY_KEY}: {settings.key_file} with {settings.cert_file}: {_told(error)}"
            ) from None
    return context


def _check_expiry(path: str) -> None:
    from cryptography import x509  # a tenth of a second that plain connections need not wait

    try:
        certificate = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
    except OSError as error:
        raise InputError(f"{CERT_KEY}: {path}: {_told(error)}") from None
    except ValueError:
        raise InputError(f"{CERT_KEY}: {path} holds no PEM certificate") from None
    if (end := certificate.not_valid_after_utc) <= datetime.now(UTC):
        raise InputError(f"{CERT_KEY}: {path} expired at {end:%Y-%m-%d %H:%M} UTC: get a new one")


def _told(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return {
            "KEY_VALUES_MISMATCH": "the key is not that of the certificate",
            "NO_CERTIFICATE_OR_CRL_FOUND": "holds no PEM certificate",
            "BAD_DECRYPT": f"the key's password is wrong ({KEY_PASSWORD_KEY})",
        }.get(error.reason or "", f"not usable PEM: {error.reason or 'the key cannot be read'}")
    return f"cannot be read: {error.strerror or error}"


def unverified() -> ssl.SSLContext:
    """For asking a port whether a broker is there; nothing is told to it, so it may be anyone."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
