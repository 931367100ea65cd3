"""What goes back and forth at an enrolment: a token, then a request. Pure.

The token is the operator's word that whoever brings it may have a certificate under that name: a
secret, good for one use. The request shows that its sender has the private key of the public key
that it asks a certificate for; a renewal is signed with the key so far as well.
"""

import base64
import binascii
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scarcity.events.errors import InputError
from scarcity.keys.identity import armour, unarmour
from scarcity.keys.record_signing import Identity
from scarcity.keys.signing import KEY_BYTES, PublicKey, SigningKey
from scarcity.keys.verifying import SIGNATURE_BYTES, holds

TOKEN_PREFIX: Final = "sct1."
TOKEN_ID_BYTES: Final = 16
TOKEN_PURPOSE: Final = "enrolment-token"
REQUEST: Final = "SCARCITY ENROLMENT REQUEST"
REQUEST_PURPOSE: Final = "enrolment-request"
RENEWAL_PURPOSE: Final = "enrolment-renewal"
MAX_PAPER_CHARACTERS: Final = 8192

_Key = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]


class Token(msgspec.Struct, frozen=True, array_like=True):
    """An invitation to enrol.

    Attributes:
        token_id: random; the register knows the terms by it, and whether it was used.
        expires_at_ms: of the token, unix time; not of the certificate.
        operator: public key of the operator, by which the client knows its certificate.
    """

    token_id: Annotated[bytes, Meta(min_length=TOKEN_ID_BYTES, max_length=TOKEN_ID_BYTES)]
    client_id: str
    domain: str
    expires_at_ms: int
    operator: _Key


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a client asks for: a certificate for this public key.

    Attributes:
        token: the operator's token, as it came; empty in a renewal.
        certificate: of a renewal, the certificate so far, as it came; else empty.
        public_key: the key that the new certificate is to be for.
    """

    token: bytes
    certificate: bytes
    public_key: _Key


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A request with its signatures: ``proof`` of the new key, ``renewal`` of the one so far."""

    body: bytes
    proof: bytes
    renewal: bytes = b""


def token_text(token: Token, operator: SigningKey) -> str:
    """A token on one line, signed."""
    body = msgspec.msgpack.encode(token)
    raw = operator.sign(TOKEN_PURPOSE, body) + body
    return TOKEN_PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token_bytes(text: str) -> bytes:
    """A token as it goes into a request.

    Raises:
        InputError: it is none.
    """
    told = text.strip()
    try:
        if not told.startswith(TOKEN_PREFIX) or len(told) > MAX_PAPER_CHARACTERS:
            raise ValueError
        packed = told.removeprefix(TOKEN_PREFIX)
        return base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InputError(
            f"{told[:20]!r}… is no token: want all of the line that `scarcity enrol` printed, it "
            f"begins with {TOKEN_PREFIX}"
        ) from None


def read_token(raw: bytes) -> Token:
    """What a token says, and that its operator says so.

    Raises:
        InputError: it is none, or was changed.
    """
    body = raw[SIGNATURE_BYTES:]
    try:
        token = msgspec.msgpack.decode(body, type=Token)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError("the token cannot be read: a part of it is missing or changed") from None
    if not holds(token.operator, raw[:SIGNATURE_BYTES], TOKEN_PURPOSE, body):
        raise InputError("the token was changed on its way: ask the operator for it again")
    return token


def request_text(token: bytes, key: SigningKey) -> str:
    """The request of a client that has a token."""
    return _asked_text(Request(token, b"", key.public.raw), key, None)


def renewal_text(identity: Identity, key: SigningKey) -> str:
    """The request of a client that has a certificate and wants one for a new key."""
    return _asked_text(Request(b"", identity.raw, key.public.raw), key, identity.key)


def _asked_text(request: Request, key: SigningKey, before: SigningKey | None) -> str:
    body = msgspec.msgpack.encode(request)
    renewal = b"" if before is None else before.sign(RENEWAL_PURPOSE, body)
    asked = Asked(body, key.sign(REQUEST_PURPOSE, body), renewal)
    return armour(REQUEST, msgspec.msgpack.encode(asked))


def read_request(text: str) -> tuple[Request, Asked]:
    """A request whose sender has the private key that it names.

    Raises:
        InputError: it is none, or was changed.
    """
    if len(text) > MAX_PAPER_CHARACTERS or (raw := unarmour(REQUEST, text)) is None:
        raise InputError(f"holds no request (-----BEGIN {REQUEST}-----)")
    try:
        asked = msgspec.msgpack.decode(raw, type=Asked)
        request = msgspec.msgpack.decode(asked.body, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError("the request cannot be read: a part of it is missing") from None
    if not holds(request.public_key, asked.proof, REQUEST_PURPOSE, asked.body):
        raise InputError("the request was changed on its way: its signature does not hold")
    return request, asked


def is_renewed_by(asked: Asked, key: PublicKey) -> bool:
    """Whether the holder of the key so far asks for the new one."""
    return holds(key.raw, asked.renewal, RENEWAL_PURPOSE, asked.body)
