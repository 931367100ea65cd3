"""The operator's register: which tokens and certificates were given out, and taken back. Pure.

A file of JSON lines, only ever appended to. The register is what makes a token good for one use;
that it is lost does no other harm, as serials follow the clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from scarcity.events.errors import InputError


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line.

    Attributes:
        kind: a token was made; a certificate was signed; those up to ``serial`` were revoked.
        at_ms: unix time.
        token: hex id, of the token, or of the one that a certificate was given for.
        serial: of a certificate; of a revocation, the highest that it takes back.
        renews: of a certificate, the serial that it renews; 0: it was given for a token.
        expires_at_ms: of a token, or of a certificate.
        valid_days, epsilon_limit: terms of the certificate.
        public_key: hex.
    """

    kind: Literal["token", "certificate", "revocation"]
    client_id: str
    domain: str
    at_ms: int
    token: str = ""
    serial: int = 0
    renews: int = 0
    expires_at_ms: int = 0
    valid_days: float = 0.0
    epsilon_limit: float | None = None
    public_key: str = ""
    reason: str = ""


@dataclass
class Enrolled:
    """A client as the register knows it; ``newest``: its newest certificate."""

    newest: Line
    revoked: int = 0

    @property
    def is_revoked(self) -> bool:
        """Whether its newest certificate was taken back."""
        return self.newest.serial <= self.revoked


@dataclass
class Register:
    """What the lines come to.

    Attributes:
        clients: with a certificate, by name.
    """

    clients: dict[str, Enrolled] = field(default_factory=dict)
    _tokens: dict[str, Line] = field(default_factory=dict)
    _used: dict[str, Line] = field(default_factory=dict)
    _last_serial: int = 0

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Register":
        """The register of these lines, in their order."""
        register = cls()
        for line in lines:
            register.add(line)
        return register

    def add(self, line: Line) -> None:
        """Take one more line in."""
        if line.kind == "token":
            self._tokens[line.token] = line
        elif line.kind == "certificate":
            self._last_serial = max(self._last_serial, line.serial)
            known = self.clients.get(line.client_id)
            self.clients[line.client_id] = Enrolled(line, known.revoked if known else 0)
            if line.token:
                self._used[line.token] = line
        elif (client := self.clients.get(line.client_id)) is not None:
            client.revoked = max(client.revoked, line.serial)

    def next_serial(self, now_ms: int) -> int:
        """Above all serials so far, and above those of a register that was lost."""
        return max(self._last_serial + 1, now_ms // 1000)

    def check_name(self, client_id: str, domain: str) -> None:
        """Refuse a name that another domain has: registrations of all domains lie in one topic.

        Raises:
            InputError: it is taken.
        """
        known = self.clients.get(client_id)
        if known is not None and known.newest.domain != domain:
            raise InputError(
                f"client {client_id!r} is enrolled in domain {known.newest.domain!r}: a name is "
                "good for one domain, choose another"
            )

    def terms(self, token: str, now_ms: int) -> Line:
        """The terms of a token that is used now.

        Raises:
            InputError: nobody made it, it is too old, or it was used.
        """
        made = self._tokens.get(token)
        if made is None:
            raise InputError("the token is not in the register: it was made by another operator")
        used = self._used.get(token)
        if used is not None:
            raise InputError(
                f"the token of client {made.client_id!r} was used already: certificate "
                f"{used.serial} was signed for it. If that was not this client, revoke it "
                "(`scarcity revoke`); `scarcity enrol` makes another token"
            )
        if now_ms > made.expires_at_ms:
            raise InputError(
                f"the token of client {made.client_id!r} is too old: `scarcity enrol` makes another"
            )
        return made

    def renewable(self, client_id: str, serial: int, now_ms: int) -> Line:
        """The certificate that is renewed now.

        Raises:
            InputError: it is not the client's newest, it expired, or it was revoked.
        """
        known = self.clients.get(client_id)
        if known is None:
            raise InputError(f"client {client_id!r} is not in the register")
        if known.is_revoked:
            raise InputError(f"the certificate of client {client_id!r} was revoked")
        if serial != known.newest.serial:
            raise InputError(
                f"certificate {serial} of client {client_id!r} was renewed already; its newest is "
                f"{known.newest.serial}"
            )
        if now_ms > known.newest.expires_at_ms:
            raise InputError(
                f"the certificate of client {client_id!r} has expired: `scarcity enrol` makes a "
                "token for a new one"
            )
        return known.newest
