"""What an operator vouches for: this key speaks for this client, in this domain, until then.

Compact, because every signed record carries one: a signature of 64 bytes and a msgpack array, about
160 bytes together. Not X.509: a record needs six fields and one signer.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scarcity.events.errors import Reason, SignatureError
from scarcity.keys.signing import KEY_BYTES, PublicKey, SigningKey
from scarcity.keys.verifying import SIGNATURE_BYTES, holds

PURPOSE: Final = "client-certificate"
MAX_CERTIFICATE_BYTES: Final = 1024
ISSUER_BYTES: Final = 16  # of a key id


class Certificate(msgspec.Struct, frozen=True, array_like=True):
    """The signed part.

    Attributes:
        public_key: Ed25519, raw; the private half never leaves the client.
        serial: rises with every certificate of an operator; a newer one replaces the older.
        issued_at_ms, expires_at_ms: unix time; compared with the broker's time of a record.
        issuer: first 16 bytes of the SHA-256 of the operator's public key.
        epsilon_limit: an insight that declares more privacy spent is refused; None: no limit.
    """

    client_id: Annotated[str, Meta(min_length=1, max_length=256)]
    domain: Annotated[str, Meta(min_length=1, max_length=64)]
    public_key: Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    serial: Annotated[int, Meta(ge=1, lt=2**53)]
    issued_at_ms: Annotated[int, Meta(ge=0, lt=2**53)]
    expires_at_ms: Annotated[int, Meta(ge=0, lt=2**53)]
    issuer: Annotated[bytes, Meta(min_length=ISSUER_BYTES, max_length=ISSUER_BYTES)]
    epsilon_limit: Annotated[float, Meta(gt=0.0, le=1e6)] | None = None

    def describe(self) -> str:
        """One line for people."""
        limit = "" if self.epsilon_limit is None else f", epsilon up to {self.epsilon_limit:g}"
        return (
            f"client {self.client_id!r} of domain {self.domain!r}, serial {self.serial}, until "
            f"{day(self.expires_at_ms)}{limit}"
        )


_decoder = msgspec.msgpack.Decoder(Certificate)


def issuer_of(key: PublicKey) -> bytes:
    """How a certificate names its operator's key."""
    return bytes.fromhex(key.key_id)


def issue(certificate: Certificate, key: SigningKey) -> bytes:
    """The bytes of a certificate, signed by the operator whom it names.

    Raises:
        ValueError: it names another.
    """
    if certificate.issuer != issuer_of(key.public):
        raise ValueError("the certificate names another issuer")
    body = msgspec.msgpack.encode(certificate)
    return key.sign(PURPOSE, body) + body


def read_certificate(raw: bytes) -> Certificate:
    """What a certificate says; its signature is not looked at.

    Raises:
        SignatureError: it is none.
    """
    if len(raw) > MAX_CERTIFICATE_BYTES:
        raise SignatureError(
            Reason.FORGED, f"the certificate has {len(raw)} bytes; at most {MAX_CERTIFICATE_BYTES}"
        )
    try:
        return _decoder.decode(raw[SIGNATURE_BYTES:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SignatureError(Reason.FORGED, f"the certificate cannot be read: {error}") from None


def is_issued_by(raw: bytes, key: PublicKey) -> bool:
    """Whether a certificate's signature is that of an operator."""
    return holds(key.raw, raw[:SIGNATURE_BYTES], PURPOSE, raw[SIGNATURE_BYTES:])


@lru_cache(maxsize=256)
def day(at_ms: int) -> str:
    """A time for people, UTC.

    >>> day(1_700_000_000_000)
    '2023-11-14 22:13 UTC'
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError):
        return f"{at_ms} ms"
