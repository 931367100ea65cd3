"""A run with signatures: everybody signs, some forge, and clients are revoked and enrolled anew."""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from chaos.insights import Crowd, Event
from scarcity.enrolment.revoking import revocation_record, signed_revocation
from scarcity.events.topics import insights_topic
from scarcity.events.types import Headers
from scarcity.keys.certificate import Certificate, issue, issuer_of
from scarcity.keys.files import public_pem
from scarcity.keys.record_signing import Identity, sign_record
from scarcity.keys.signing import SigningKey

OPERATOR: Final = SigningKey(bytes([11] * 32))
STRANGER: Final = SigningKey(bytes([12] * 32))
REVOKED: Final = 0.004
FORGED: Final = 0.02
_FOREVER_MS: Final = 4_000_000_000_000


def write_operator_keys(directory: Path) -> Path:
    """The file of public keys that the services of a run are given."""
    path = directory / "operators.pem"
    path.write_bytes(public_pem(OPERATOR.public))
    return path


@lru_cache(maxsize=4096)
def identity_of(
    client: str,
    domain: str,
    serial: int = 1,
    operator: SigningKey = OPERATOR,
    expires_at_ms: int = _FOREVER_MS,
) -> Identity:
    """A client's identity; the same in every process that asks."""
    key = SigningKey(f"{client}/{serial}".encode().ljust(32, b".")[:32])
    certificate = Certificate(
        client, domain, key.public.raw, serial, 0, expires_at_ms, issuer_of(operator.public)
    )
    return Identity(key, certificate, issue(certificate, operator))


@dataclass
class SignedCrowd(Crowd):
    """A crowd that signs. Beside what others do wrong, it forges, and operators revoke."""

    _serials: dict[str, int] = field(default_factory=dict)

    def event(self) -> Event:
        """The next event of one of them."""
        if self.draw.random() < REVOKED and self._last:
            return self._revoke(self.draw.choice(list(self._last)))
        event = super().event()
        sequence = _sequence(event.value)
        headers = self._sign(event, sequence)
        if self.draw.random() < FORGED:
            return event._replace(headers=self._forge(event, sequence, headers), is_bad=True)
        number = int(event.key.rpartition(b"-")[2])
        if not event.is_bad and event.value != self._last.get(number):
            # An old number: parked, unless those above it never reached the broker.
            return event._replace(headers=headers, is_bad=None)
        return event._replace(headers=headers)

    def _revoke(self, number: int) -> Event:
        client = self._name(number)
        serial = self._serials.get(client, 1)
        told = signed_revocation(client, self.domain, serial, "chaos", key=OPERATOR, now_ms=0)
        record = revocation_record(told)
        self._serials[client] = serial + 1
        del self._last[number]  # it would be refused now
        return Event(client.encode(), record.value, False, record.headers)

    def _sign(self, event: Event, sequence: int, **other: Any) -> Headers:
        client = event.key.decode()
        told = {"serial": self._serials.get(client, 1), **other}
        identity = identity_of(client, self.domain, **told)
        return sign_record(identity, insights_topic(self.domain), event.key, sequence, event.value)

    def _forge(self, event: Event, sequence: int, headers: Headers) -> Headers:
        ways: tuple[Headers, ...] = (
            (),
            self._sign(event, sequence, operator=STRANGER),
            self._sign(event, sequence, expires_at_ms=1),
            self._sign(event, sequence + 1),
            self._sign(event._replace(value=b"{}"), sequence),
            tuple((name, value[:-1] + b"0") for name, value in headers),
        )
        return self.draw.choice(ways)


def crowd_of(domain: str, clients: int, draw: random.Random, *, signed: bool) -> Crowd:
    """A crowd that signs, or one that does not."""
    return SignedCrowd(domain, clients, draw) if signed else Crowd(domain, clients, draw)


def _sequence(value: bytes | None) -> int:
    try:
        told = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return 0
    return int(told.get("sequence") or 0)
