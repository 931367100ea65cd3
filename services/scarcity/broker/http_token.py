"""The token that a server of ours asks for, and addresses that only this machine reaches."""

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from scarcity.events.errors import InputError

LOOPBACK: Final = "127.0.0.1"  # what listens elsewhere, someone chose to
LEAST_TOKEN: Final = 16


def read_token(environ: Mapping[str, str], key: str) -> str | None:
    """The token in the file that an environment key names; None: it names none.

    Raises:
        InputError: the file cannot be read, or holds no token; names the key.
    """
    path = environ.get(key) or ""
    if not path:
        return None
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{key}: {path}: cannot be read: {error}") from None
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"{key}: {path}: want one word of {LEAST_TOKEN} letters and digits or more, "
            "e.g. of `openssl rand -hex 16`"
        )
    return token


def is_same(given: str, token: str) -> bool:
    """Whether a token is the right one; takes as long for a wrong one that begins alike.

    >>> is_same("0123456789abcdef", "0123456789abcdef"), is_same("ü", "0123456789abcdef")
    (True, False)
    """
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def bearer(authorization: str) -> str:
    """The token of an Authorization header; empty: it has none.

    >>> bearer("Bearer abc"), bearer("Basic abc"), bearer("")
    ('abc', '', '')
    """
    kind, _, given = authorization.partition(" ")
    return given.strip() if kind.casefold() == "bearer" else ""


def is_loopback(bind: str, key: str) -> bool:
    """Whether only this machine reaches an address.

    Raises:
        InputError: it is no address; names the environment key.

    >>> is_loopback("127.0.0.1", "X"), is_loopback("0.0.0.0", "X")
    (True, False)
    """
    if bind == "localhost":
        return True
    try:
        return ip_address(bind).is_loopback
    except ValueError:
        raise InputError(f"{key}: {bind!r} is no address, e.g. {LOOPBACK}") from None
