"""Who may see the pages: a token where one is set, else whoever sits at this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from scarcity.broker.http_token import bearer, is_same

COOKIE: Final = "scarcity_dashboard"
# A page of another site cannot send this header here without being asked first, and is refused.
SAME_SITE_HEADER: Final = "X-Scarcity-Dashboard"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# Nothing is loaded from anywhere else, no script stands in the page, and no page embeds this one.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """The rule.

    Attributes:
        token: None: everyone who reaches the port, under a name of this machine. A name server
            that answers with this address would let a foreign page in otherwise.
        hosts: names under which the page may be asked for, when there is no token.
    """

    token: str | None = None
    hosts: frozenset[str] = LOOPBACK_NAMES

    def knows_host(self, host: str) -> bool:
        """Whether a request's Host header is one of ours.

        >>> Access().knows_host("localhost:9465"), Access().knows_host("evil.example:9465")
        (True, False)
        """
        if self.token is not None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in self.hosts

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and is_same(given, self.token)

    def lets_in(self, cookie: str, authorization: str) -> bool:
        """Whether a request with this cookie and Authorization header may pass."""
        if self.token is None:
            return True
        return self.is_token(cookie) or self.is_token(bearer(authorization))
