"""What the clients of a process publish, signed where they have identities."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from scarcity.client.noising import Discretion
from scarcity.client.outgoing import insight_record, registration_record, secure_record
from scarcity.client.sequence import first_sequence
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.errors import ServiceError
from scarcity.events.insight import Insight
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_term import SecureTerm
from scarcity.events.types import Outgoing
from scarcity.keys.certificate import day
from scarcity.keys.record_signing import Identity, sign_record

WARN_DAYS = 30.0
_DAY_MS = 86_400_000


class Signing:
    """Makes records of insights, registrations and members' messages.

    Args:
        identities: by client; empty: nothing is signed.
    """

    def __init__(self, identities: Mapping[str, Identity]) -> None:
        self._identities = identities
        self._last_registration: dict[str, int] = {}

    @property
    def told(self) -> str:
        """What is signed, for people."""
        return "signed" if self._identities else "UNSIGNED"

    def insights(self, insights: Iterable[Insight], now_ms: int) -> list[Outgoing]:
        """Records of insights; with many clients this takes a while, so call it in a thread.

        Raises:
            ServiceError: a certificate has expired.
        """
        return [self._insight(insight, now_ms) for insight in insights]

    def registrations(self, events: Iterable[ClientRegistered], now_ms: int) -> list[Outgoing]:
        """Records of registrations; raises as :meth:`insights`."""
        return [self._registration(event, now_ms) for event in events]

    def member(self, event: SecureKeys | SecureTerm, now_ms: int) -> Outgoing:
        """Record of a message in a secure sum, numbered by its round; raises as :meth:`insights`.

        The value names round and stage, so that it counts nowhere else.
        """
        record, client = secure_record(event, now_ms=now_ms), event.client_id
        if client not in self._identities:
            return record
        return self._signed(record, client, event.round, now_ms)

    def expiring(self, now_ms: int) -> list[str]:
        """A line for each certificate that will not hold much longer."""
        return [
            f"the certificate of client {client!r} expires at {day(told.expires_at_ms)}: renew it "
            "by `scarcity join --renew`"
            for client, identity in self._identities.items()
            if (told := identity.certificate).expires_at_ms - now_ms < WARN_DAYS * _DAY_MS
        ]

    def _insight(self, insight: Insight, now_ms: int) -> Outgoing:
        record = insight_record(insight, now_ms=now_ms)
        if insight.client_id not in self._identities:
            return record
        assert insight.sequence is not None  # every client of this package numbers its insights
        return self._signed(record, insight.client_id, insight.sequence, now_ms, for_memory=True)

    def _registration(self, event: ClientRegistered, now_ms: int) -> Outgoing:
        record, client = registration_record(event, now_ms=now_ms), event.client_id
        if client not in self._identities:
            return record
        # As insights are numbered, and for the same reason (client/sequence.py).
        least = first_sequence(event.registered_at_ms)
        number = max(least, self._last_registration.get(client, -1) + 1)
        self._last_registration[client] = number
        return self._signed(record, client, number, now_ms)

    def _signed(
        self,
        record: Outgoing,
        client: str,
        sequence: int,
        now_ms: int,
        *,
        for_memory: bool = False,
    ) -> Outgoing:
        identity = self._identities[client]
        expires_at_ms = identity.certificate.expires_at_ms
        if now_ms > expires_at_ms:
            raise ServiceError(
                f"the certificate of client {client!r} expired at {day(expires_at_ms)}, so nobody "
                "would hear it: ask the operator for a token, then `scarcity join TOKEN --again`"
            )
        signature = sign_record(
            identity,
            record.topic,
            record.key or b"",
            sequence,
            record.value,
            for_memory=for_memory,
        )
        return record._replace(headers=(*record.headers, *signature))


def within_certificates(discretion: Discretion, identities: Mapping[str, Identity]) -> Discretion:
    """The own privacy limit, or the certificates' where that is stricter: more would be refused."""
    limits = [discretion.epsilon_limit]
    limits += [identity.certificate.epsilon_limit for identity in identities.values()]
    told = [limit for limit in limits if limit is not None]
    return replace(discretion, epsilon_limit=min(told)) if told else discretion
