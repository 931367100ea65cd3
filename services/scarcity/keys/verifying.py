"""The one verifier of what clients sign: libsodium.

Ed25519 leaves a few malformed keys and signatures to the implementation (cofactor, points of small
order), so fold, audit and readers must ask the same library, or a client could make a record that
one accepts and another refuses. libsodium also takes half the time of OpenSSL here, and its binding
lets go of the interpreter's lock meanwhile, so threads help (benchmarks/signing.py).
"""

from typing import Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as SodiumValueError

SIGNATURE_BYTES: Final = 64


def holds(public_key: bytes, signature: bytes, purpose: str, message: bytes) -> bool:
    """Whether a signature is that of a key, over a message, for a purpose (keys/signing.py).

    >>> from scarcity.keys.signing import SigningKey
    >>> key = SigningKey(bytes(32))
    >>> holds(key.public.raw, key.sign("note", b"hello"), "note", b"hello")
    True
    >>> holds(key.public.raw, key.sign("note", b"hello"), "note", b"hallo")
    False
    """
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + b"scarcity " + purpose.encode() + b"\n" + message, public_key)
    except (BadSignatureError, SodiumValueError):
        return False
    return True
