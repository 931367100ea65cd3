"""Who may publish: judges the sender of a record from the record and the operators' keys alone.

What depends on what came before (a newer certificate, a revocation, a number used already) is for
the partition's state to say; see memory/partition_memory.py. So records can be judged in any
order, in several threads, before they are folded.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from scarcity.events.codec import decode_json
from scarcity.events.credential import Credential
from scarcity.events.errors import EventError, Reason, SignatureError
from scarcity.events.insight import Insight
from scarcity.events.partitioning import partition_of
from scarcity.events.revocation import Revocation
from scarcity.events.topics import INSIGHTS_PREFIX
from scarcity.events.types import Position, Record
from scarcity.keys.record_mac import MacSecret
from scarcity.keys.record_signing import Attested, RecordVerifier
from scarcity.keys.signed_events import judge_event
from scarcity.keys.signing import PublicKey, TrustedKeys, Verdict

REVOCATION_TYPE: Final = ("ce_type", b"scarcity.Revocation.v1")
MAX_REVOCATION_BYTES: Final = 4096

Sender: TypeAlias = Attested | Revocation | EventError
Senders: TypeAlias = Mapping[Position, Sender]


class Authority:
    """The operators' word on who may publish what.

    Args:
        operators: public keys, several while one replaces another.
        max_bytes: larger values are not looked at: they are refused for their size.
        secret: of the memory, for MACs in place of signatures; None: signatures are checked.
    """

    def __init__(
        self, operators: Iterable[PublicKey], max_bytes: int, secret: MacSecret | None = None
    ) -> None:
        keys = list(operators)
        self._trusted = TrustedKeys(keys)
        self._verifier = RecordVerifier(keys, secret)
        self._uses_macs = secret is not None
        self._max_bytes = max_bytes

    @property
    def uses_macs(self) -> bool:
        """Whether a MAC is checked where there is one."""
        return self._uses_macs

    @property
    def key_ids(self) -> list[str]:
        """Names of the operators' keys."""
        return self._trusted.ids

    def judge(self, record: Record, partitions: int | None) -> Sender:
        """The proved sender, an operator's revocation, or why there is neither.

        Args:
            partitions: of the topic; None: not known, and the record's place is not looked at.
        """
        (topic, partition, _), key, value, at_ms, headers = record
        try:
            if len(value or b"") > self._max_bytes:
                raise SignatureError(Reason.TOO_LARGE, "too large to be looked at")
            if partitions is not None and partition_of(key or b"", partitions) != partition:
                raise SignatureError(
                    Reason.WRONG_PARTITION,
                    f"the key belongs to partition {partition_of(key or b'', partitions)} of "
                    f"{partitions}: a client that speaks in several would count several times",
                )
            domain = topic.removeprefix(INSIGHTS_PREFIX)
            if is_revocation(record):
                return self._revocation(record, domain)
            return self._verifier.attest(topic, key, value, headers, at_ms, domain=domain)
        except EventError as error:
            return error

    def judge_all(
        self, records: Iterable[Record], partitions: int | None
    ) -> dict[Position, Sender]:
        """:meth:`judge` for many, by position; threads may share the work."""
        return {record.position: self.judge(record, partitions) for record in records}

    def _revocation(self, record: Record, domain: str) -> Revocation:
        told = decode_json(record.value, Revocation, limit=MAX_REVOCATION_BYTES)
        if told.domain != domain or told.client_id.encode() != record.key:
            raise SignatureError(
                Reason.FORGED,
                f"the revocation is of {told.domain[:64]}/{told.client_id[:64]}, and lies under "
                "another key or in another topic",
            )
        verdict = judge_event(told, self._trusted)
        if verdict is not Verdict.GOOD:
            raise SignatureError(
                Reason.FORGED, f"only an operator revokes: the revocation's signature is {verdict}"
            )
        return told


def is_revocation(record: Record) -> bool:
    """Whether a record claims to be a revocation."""
    return REVOCATION_TYPE in record.headers


def check_sender(
    insight: Insight, sender: Sender, known_serial: int, credential: Credential | None
) -> None:
    """Refuse an insight whose sender may not publish it (any more).

    Args:
        known_serial: of the newest certificate that the client has used; 0: none.
        credential: what is remembered of a client that is not held.

    Raises:
        EventError: under the reason.
    """
    if isinstance(sender, EventError):
        raise sender
    if isinstance(sender, Revocation):
        raise SignatureError(Reason.FORGED, "a revocation is no insight")
    certificate = sender.certificate
    serial = certificate.serial
    if credential is not None:
        if serial <= credential.revoked:
            why = f": {credential.reason}" if credential.reason else ""
            raise SignatureError(
                Reason.REVOKED,
                f"the certificate (serial {serial}) was revoked at {_place(credential)}{why}",
            )
        known_serial = credential.serial
    if serial < known_serial:
        raise SignatureError(
            Reason.SUPERSEDED,
            f"the certificate has serial {serial}; the client goes on under {known_serial}",
        )
    if insight.sequence != sender.sequence:
        raise SignatureError(
            Reason.FORGED,
            f"signed as number {sender.sequence}, but the insight says {insight.sequence}",
        )
    limit = certificate.epsilon_limit
    if limit is not None and insight.epsilon is not None and insight.epsilon > limit:
        raise SignatureError(
            Reason.EPSILON,
            f"the insight declares epsilon {insight.epsilon:.6g}; the certificate grants {limit:g}",
        )


def _place(credential: Credential) -> str:
    told = credential.source
    return str(Position(told.topic, told.partition, told.offset))
