"""Whose registrations count, where clients sign: readers of the topic `clients` ask here."""

from collections.abc import Iterable

from scarcity.events.client_memory import memory_key
from scarcity.events.codec import decode_json
from scarcity.events.credential import Credential
from scarcity.events.errors import Reason, SignatureError
from scarcity.events.types import Record
from scarcity.keys.record_signing import Attested, RecordVerifier
from scarcity.keys.signing import PublicKey


class RegistrationGuard:
    """Lets signed registrations through, each client's in the order in which it made them.

    What it has seen lives as long as its reader. An old registration that somebody sends again is
    refused by whoever has seen a newer one; after compaction a new reader cannot tell.
    """

    def __init__(self, operators: Iterable[PublicKey]) -> None:
        self._verifier = RecordVerifier(operators)
        self._seen: dict[bytes, tuple[int, int]] = {}  # serial and sequence, by key
        self._revoked: dict[bytes, int] = {}  # serial and older ones, by key of `credentials`

    def check(self, record: Record, domain: str | None) -> None:
        """Refuse a registration that its client did not sign, or an old one.

        Args:
            domain: that it names; None: it is a tombstone, which a client signs too.

        Raises:
            SignatureError: under the reason; nothing changed.
        """
        attested = self.attest(record, domain)
        now = (attested.certificate.serial, attested.sequence)
        before = self._seen.get(record.key or b"", (0, -1))
        if now[0] < before[0]:
            raise SignatureError(
                Reason.SUPERSEDED,
                f"the certificate has serial {now[0]}; the client goes on under {before[0]}",
            )
        if now[1] < before[1]:
            raise SignatureError(
                Reason.REPLAYED,
                f"signed as number {now[1]}, and the client has come to {before[1]}: somebody sent "
                "an old registration again",
            )
        self._seen[record.key or b""] = now

    def note_revoked(self, record: Record) -> None:
        """Take in a record of `credentials`: what the memory found revoked speaks no more.

        Raises:
            EventError: it is none.
        """
        if record.value is not None and (told := decode_json(record.value, Credential)).revoked:
            key = memory_key(told.domain, told.client_id)
            self._revoked[key] = max(told.revoked, self._revoked.get(key, 0))

    def attest_member(self, record: Record, domain: str) -> None:
        """Refuse a member's message that its client did not sign, or by a revoked certificate.

        Raises:
            SignatureError: under the reason.
        """
        certificate = self.attest(record, domain).certificate
        revoked = self._revoked.get(memory_key(domain, certificate.client_id), 0)
        if certificate.serial <= revoked:
            raise SignatureError(
                Reason.REVOKED,
                f"the certificate has serial {certificate.serial}; those up to {revoked} are "
                "taken back",
            )

    def attest(self, record: Record, domain: str | None) -> Attested:
        """Refuse a record that the client of its key did not sign.

        Args:
            domain: that its topic is of; None: of all.

        Raises:
            SignatureError: under the reason.
        """
        return self._verifier.attest_record(record, domain)


def counting(operators: Iterable[PublicKey]) -> str:
    """Which registrations count, for people."""
    ids = ", ".join(sorted(key.key_id for key in operators))
    return f"when signed under operator key {ids}" if ids else "UNSIGNED"


def guard_of(operators: Iterable[PublicKey]) -> RegistrationGuard | None:
    """A guard by these keys; None when there are none: then whoever may write may register."""
    keys = list(operators)
    return RegistrationGuard(keys) if keys else None
