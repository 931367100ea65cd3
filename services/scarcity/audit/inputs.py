"""The insights that a ledger entry names, fetched back from the insights topics."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scarcity.audit.log import AuditLog, Partition, domain_of
from scarcity.events.codec import decode_json, refuse_newer
from scarcity.events.errors import EventError, Reason
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import LedgerEntry, PartitionInputs
from scarcity.events.topics import insights_topic, secagg_terms_topic
from scarcity.events.types import Position, Record
from scarcity.memory.admission import check_experts, check_numbers, check_slopes
from scarcity.memory.decoding import decode_bounded
from scarcity.meta.pending import Heard

WIDEST_CLIP = 1e6  # of slopes, loss per unit of z: what any setting of the memory allows


class MissingInputError(Exception):
    """An insight cannot be had back.

    Attributes:
        expired: it lies below the first record that its partition still keeps: retention took it.
    """

    def __init__(self, message: str, *, expired: bool) -> None:
        super().__init__(message)
        self.expired = expired


@dataclass(frozen=True)
class InsightIndex:
    """Insights by position."""

    records: dict[Position, Record]
    first_offsets: Mapping[Partition, int]
    noise_keys: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, log: AuditLog) -> "InsightIndex":
        """Index the insights of a log."""
        both = (*log.insights.values(), *log.terms.values())
        records = {r.position: r for found in both for r in found}
        return cls(records, log.first_offsets, log.noise_keys)

    def add(self, record: Record) -> None:
        """Take in one more."""
        self.records[record.position] = record

    def used_by(self, entry: LedgerEntry) -> list[Record]:
        """The records an entry names, by (partition, offset).

        Raises:
            MissingInputError: one is not there.
        """
        return [self._record(position) for position in positions(entry)]

    def _record(self, position: Position) -> Record:
        record = self.records.get(position)
        if record is not None:
            return record
        first = self.first_offsets.get((position.topic, position.partition))
        if first is None or position.offset < first:
            kept = "keeps no record" if first is None else f"begins at offset {first}"
            raise MissingInputError(f"{position} is gone: the partition {kept}", expired=True)
        raise MissingInputError(f"{position} is missing among records that are kept", expired=False)


def positions(entry: LedgerEntry) -> list[Position]:
    """Where an entry's insights lie.

    >>> from scarcity.events.ledger_entry import PartitionInputs
    >>> [str(p) for p in positions_of("insights.retail", [PartitionInputs(2, [4, 1])])]
    ['insights.retail[2]@4', 'insights.retail[2]@5']
    """
    return positions_of(input_topic(entry), entry.inputs)


def input_topic(entry: LedgerEntry) -> str:
    """Topic that an entry's inputs lie in."""
    return (insights_topic if entry.sums is None else secagg_terms_topic)(entry.domain)


def positions_of(topic: str, inputs: Iterable[PartitionInputs]) -> list[Position]:
    """Positions of delta-coded inputs, in their order."""
    return [Position(topic, one.partition, offset) for one in inputs for offset in one.offsets()]


def hear(record: Record) -> Heard:
    """An insight as the meta-learner hears it.

    It must be one that the memory could have admitted; what depends on the memory's settings (the
    clip of the slopes) or on what it knew (sequences) is not judged.

    Raises:
        EventError: the record holds no insight, or not one of its topic and key.
    """
    insight = _within_bounds(record)
    topic, partition, offset = record.position
    if insight.domain != domain_of(topic) or record.key != insight.client_id.encode():
        raise EventError(
            Reason.WRONG_KEY,
            f"the insight is of {insight.domain}/{insight.client_id}, its key is {record.key!r}",
        )
    return Heard(partition, offset, record.timestamp_ms, insight)


def _within_bounds(record: Record) -> Insight:
    insight = decode_bounded(record.value or b"")
    if insight is None:
        insight = decode_json(record.value, Insight)
        check_numbers(insight)
        check_experts(insight)
    check_slopes(insight, WIDEST_CLIP)
    refuse_newer(insight.schema_version)
    return insight


class UsedOnce:
    """Checks that no insight is used twice, and no client counted twice in a round.

    A domain's versions use ever higher offsets of a partition; so one number a partition tells.
    """

    def __init__(self) -> None:
        self._highest: dict[Partition, int] = {}

    def check(self, entry: LedgerEntry, heard: Iterable[Heard]) -> list[str]:
        """What is wrong with an entry's inputs; entries come in the order of the ledger."""
        wrong: list[str] = []
        for one in entry.inputs:
            offsets = one.offsets()
            where = (input_topic(entry), one.partition)
            before = self._highest.get(where, -1)
            if offsets and (offsets[0] <= before or len(set(offsets)) != len(offsets)):
                wrong.append(
                    f"partition {one.partition}: offset {offsets[0]} is used although versions "
                    f"before used up to {before}"
                )
            self._highest[where] = max([before, *offsets])
        counts = Counter(one.insight.client_id for one in heard)
        wrong += [f"counts {client!r} {n} times" for client, n in counts.items() if n > 1]
        return wrong
