"""Who spoke: the signature of every insight that a version used, under the operators' keys.

The rules are the memory's own (memory/authority.py). The log tells the rest: which certificates had
been replaced or revoked before an insight, and whether numbers rise. What a version did not use is
not judged, so this works on a bundle of used insights too; revocations are in every bundle.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scarcity.audit.chain import Fault, Finding, Link
from scarcity.audit.inputs import positions
from scarcity.audit.log import AuditLog, domain_of
from scarcity.events.client_memory import Source
from scarcity.events.codec import decode_json
from scarcity.events.credential import Credential
from scarcity.events.errors import EventError, Reason
from scarcity.events.insight import Insight
from scarcity.events.revocation import Revocation
from scarcity.events.types import Position, Record
from scarcity.keys.record_signing import Attested, is_signed
from scarcity.keys.signing import PublicKey
from scarcity.memory.admission import MAX_INSIGHT_BYTES
from scarcity.memory.authority import Authority, check_sender, is_revocation
from scarcity.memory.settings import MOST_INSIGHT_BYTES


@dataclass
class Senders:
    """What was found of the senders of used insights.

    Attributes:
        signed: insights that carry a signature; ``good``: of these, those whose sender held.
        unsigned: insights without one.
        clients: that signed; by domain and name.
        issuers: good insights by the operator's key that certified the sender.
        revocations: that operators signed.
        checked: somebody gave the operators' keys.
    """

    signed: int = 0
    good: int = 0
    unsigned: int = 0
    clients: set[tuple[str, str]] = field(default_factory=set)
    issuers: Counter[str] = field(default_factory=Counter)
    revocations: int = 0
    findings: list[Finding] = field(default_factory=list)
    checked: bool = False

    def describe(self) -> str:
        """One line for people."""
        total = self.signed + self.unsigned
        if not self.signed:
            return "no insight is signed: whoever could write to a topic spoke for its clients"
        if not self.checked:
            told = f"{self.signed} of {total} insights signed"
            return f"{told}, not checked: give --operator-keys FILE"
        issued = ", ".join(f"operator key {key_id}" for key_id in sorted(self.issuers)) or "no key"
        told = f"{self.good} of {total} insights signed by {len(self.clients)} clients of {issued}"
        unsigned = f", {self.unsigned} unsigned" if self.unsigned else ""
        return f"{told}{unsigned}, {self.revocations} revocations heeded"


@dataclass
class _Client:
    """A client so far: its newest serial, its last number, where it speaks, what was taken back."""

    serial: int = 0
    sequence: int | None = None
    partition: int = -1
    revoked: int = 0
    reason: str = ""
    source: Source = field(default_factory=lambda: Source("", 0, 0))


def check_senders(
    log: AuditLog,
    links: Sequence[Link],
    operators: Sequence[PublicKey] | None,
    *,
    required: bool = False,
) -> Senders:
    """Judge the sender of every insight that a version used; what does not hold is a finding.

    Args:
        operators: keys that certify clients; None: signatures are counted, not checked.
        required: an unsigned insight is a finding.
    """
    found = Senders(checked=operators is not None)
    used = {position: link.name for link in links for position in positions(link.entry)}
    authority = Authority(operators or (), max(MAX_INSIGHT_BYTES, MOST_INSIGHT_BYTES))
    clients: dict[tuple[str, bytes], _Client] = {}
    for record in _in_order(log, used):
        name = used.get(record.position, "")
        if name and not is_signed(record.headers):
            found.unsigned += 1
            if required:
                found.findings.append(_finding(name, record, Reason.UNSIGNED, "it is not signed"))
            continue
        found.signed += bool(name)
        if operators is None:
            continue
        client = clients.setdefault((record.position.topic, record.key or b""), _Client())
        try:
            _judge(record, authority, client, found)
        except EventError as error:
            if name:
                found.findings.append(_finding(name, record, error.reason, str(error)))
    return found


def _in_order(log: AuditLog, used: dict[Position, str]) -> Iterable[Record]:
    for records in log.insights.values():
        for record in records:
            if record.position in used or is_revocation(record):
                yield record


def _judge(record: Record, authority: Authority, client: _Client, found: Senders) -> None:
    sender = authority.judge(record, None)
    if isinstance(sender, Revocation):
        found.revocations += 1
        if sender.serial > max(client.revoked, client.serial - 1):
            client.revoked, client.reason = sender.serial, sender.reason
            client.source = Source(*record.position)
        return
    insight = decode_json(record.value, Insight)
    check_sender(insight, sender, client.serial, _credential(record, client))
    assert isinstance(sender, Attested)  # check_sender refused all else
    if client.sequence is not None and sender.sequence <= client.sequence:
        raise EventError(
            Reason.REPLAYED, f"signed as number {sender.sequence}, after number {client.sequence}"
        )
    if client.partition not in (-1, record.position.partition):
        raise EventError(
            Reason.WRONG_PARTITION, f"its client spoke in partition {client.partition} before"
        )
    certificate = sender.certificate
    client.serial, client.sequence = certificate.serial, sender.sequence
    client.partition = record.position.partition
    found.good += 1
    found.clients.add((certificate.domain, certificate.client_id))
    found.issuers[certificate.issuer.hex()] += 1


def _credential(record: Record, client: _Client) -> Credential | None:
    if not client.revoked:
        return None
    return Credential(
        domain_of(record.position.topic),
        "",
        client.serial,
        client.sequence,
        client.revoked,
        client.reason,
        client.source,
        record.timestamp_ms,
    )


def _finding(name: str, record: Record, reason: Reason, text: str) -> Finding:
    return Finding(Fault.SENDER, name, f"the insight {record.position} is {reason}: {text}")
