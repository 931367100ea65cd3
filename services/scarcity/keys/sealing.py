"""Seals a message for a few readers: one content key, wrapped for each of them.

The body is encrypted once, with ChaCha20-Poly1305 (RFC 8439) under a content key that no other
message has. That key is wrapped for each reader by HPKE (RFC 9180) in base mode, suite
DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Both are bound to the same associated
data: a body or a wrap that is moved to another message does not open. Base mode does not say who
sealed: a signature over the whole does (client/letterbox.py).
"""

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from scarcity.events.gossip_weights import SealedDeviation, WrappedKey
from scarcity.keys.exchange_key import ExchangeKey, exchange_key_id

CONTENT_KEY_BYTES: Final = 32
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
# Each content key encrypts one message, so that one nonce is enough.
_NONCE: Final = bytes(12)


class NotForThisKeyError(Exception):
    """Nothing is wrapped for the key."""


class DoesNotOpenError(Exception):
    """What is sealed, or what it is bound to, is not what was sealed for this key."""


def seal(
    plain: bytes, associated: bytes, readers: Iterable[bytes], content_key: bytes
) -> SealedDeviation:
    """Seal bytes for some public keys.

    HPKE draws an ephemeral key for each reader from the system, so no two results are alike.

    Args:
        associated: what the message is bound to; not secret, and not part of the result.
        readers: X25519 public keys; each is wrapped for once.
        content_key: 32 bytes that were drawn for this message alone.

    Raises:
        ValueError: a public key is not usable.

    >>> from scarcity.keys.exchange_key import ExchangeKey
    >>> one, other = ExchangeKey(bytes([1]) * 32), ExchangeKey(bytes([2]) * 32)
    >>> sealed = seal(b"hello", b"letter 7", [one.public], bytes(32))
    >>> open_sealed(sealed, b"letter 7", one)
    b'hello'
    """
    body = ChaCha20Poly1305(content_key).encrypt(_NONCE, plain, associated)
    wraps = [
        WrappedKey(
            exchange_key_id(public),
            _SUITE.encrypt(content_key, X25519PublicKey.from_public_bytes(public), associated),
        )
        for public in dict.fromkeys(readers)
    ]
    return SealedDeviation(body, wraps)


def open_sealed(sealed: SealedDeviation, associated: bytes, key: ExchangeKey) -> bytes:
    """What was sealed for a key.

    Raises:
        NotForThisKeyError: nothing was.
        DoesNotOpenError: a byte was changed, or it was bound to something else.
    """
    key_id = key.key_id
    wrapped = [wrap.wrapped for wrap in sealed.wraps if wrap.key_id == key_id]
    if not wrapped:
        raise NotForThisKeyError(f"nothing is wrapped for key {key_id.hex()}")
    try:
        content_key = _SUITE.decrypt(wrapped[0], key.private, associated)
        return ChaCha20Poly1305(content_key).decrypt(_NONCE, sealed.body, associated)
    except (InvalidTag, ValueError) as error:
        raise DoesNotOpenError(
            "it was changed, or sealed for another sender, domain, cycle or version"
        ) from error
