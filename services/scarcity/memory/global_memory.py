"""The global memory: what every client last said, folded from the logs of the insights."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from threading import Lock
from typing import NamedTuple

import msgspec

from scarcity.events.client_memory import ClientMemory
from scarcity.events.errors import ServiceError
from scarcity.events.insight import Insight
from scarcity.events.topics import CREDENTIALS, insights_topic
from scarcity.events.types import Outgoing, Record
from scarcity.memory.admission import AdmissionLimits
from scarcity.memory.authority import Senders
from scarcity.memory.partition_memory import PartitionMemory

DEFAULT_MAX_INSIGHTS = 10_000


class FoldResult(NamedTuple):
    """What a batch changed.

    ``changed`` goes to `global-memory`, each record to the partition that has the number of its
    source partition; for one insights partition they come in the order of the source offsets.
    ``credentials`` go to the topic of that name, to the same partitions.
    """

    changed: list[Outgoing]
    dead_letters: list[Outgoing]
    credentials: list[Outgoing]


class Tally(NamedTuple):
    """Records, by what became of them."""

    accepted: int
    rejected: int
    duplicates: int


class GlobalMemory:
    """The clients' records, folded. Pure: no clock, no I/O. May be used from several threads.

    The state after a log depends on the log alone: not on how it is cut into batches, on
    restarts (``restore``), or on how partitions are spread over instances.

    Args:
        max_insights: latest insights kept a domain; beyond it those with the oldest latest insight
            go. It is shared out evenly over the domain's partitions, at least one each.
        partitions: number of partitions of each insights topic; None: not known, then the bound is
            not shared out, and where signatures are required a record's place is not checked.
        limits: what an insight must keep to be admitted.
    """

    def __init__(
        self,
        max_insights: int = DEFAULT_MAX_INSIGHTS,
        *,
        partitions: int | None = None,
        limits: AdmissionLimits | None = None,
    ) -> None:
        shares = 1 if partitions is None else partitions
        if max_insights < 1 or shares < 1:
            raise ValueError(
                f"max_insights {max_insights} and partitions {partitions} must be >= 1"
            )
        self.max_insights = max_insights
        self._quota = max(1, max_insights // shares)
        self._partitions = partitions
        self._limits = limits or AdmissionLimits()
        self._memories: dict[tuple[str, int], PartitionMemory] = {}
        self._lock = Lock()

    @property
    def requires_signatures(self) -> bool:
        """Whether unsigned insights are refused."""
        return self._limits.authority is not None

    @property
    def judges_ahead(self) -> bool:
        """Whether senders take so long that threads should look at them before the fold does."""
        authority = self._limits.authority
        return authority is not None and not authority.uses_macs

    def judge(self, records: Iterable[Record]) -> Senders:
        """Who sent these records, ahead of :meth:`fold`: most of the time that signatures take.

        Looks at no state and takes no lock, so that threads may share the records out.
        """
        authority = self._limits.authority
        return {} if authority is None else authority.judge_all(records, self._partitions)

    def fold(self, batch: Iterable[Record], senders: Senders | None = None) -> FoldResult:
        """Fold a batch; each partition's records must come in the order of their offsets.

        Args:
            senders: what :meth:`judge` said of these records, as far as it was asked.
        """
        result = FoldResult([], [], [])
        by_partition: dict[tuple[str, int], list[Record]] = {}
        for owned, records in groupby(batch, _partition_of):
            by_partition.setdefault(owned, []).extend(records)
        with self._lock:
            for (topic, partition), owned_records in by_partition.items():
                memory = self._memory(topic, partition)
                changed, dead_letters = memory.fold(owned_records, senders)
                result.changed.extend(changed)
                result.dead_letters.extend(dead_letters)
                result.credentials.extend(memory.take_credentials())
        return result

    def restore(self, records: Iterable[Record]) -> None:
        """Take over records of `global-memory` and of `credentials`, each in the order of its log;
        raises as :meth:`load`.
        """
        self.load(records)
        self.settle()

    def load(self, records: Iterable[Record]) -> None:
        """Take in some records of `global-memory` or `credentials`; :meth:`settle` ends it.

        A partition is loaded before its first insight is folded. Of a key, the last record counts.

        Raises:
            ServiceError: a record is not one that this version of the memory can read.
        """
        with self._lock:
            memories: dict[tuple[bytes, int], PartitionMemory] = {}
            for record in records:
                domain, _, client_key = (record.key or b"").partition(b"/")
                partition = record.position.partition
                memory = memories.get((domain, partition))
                try:
                    if memory is None:
                        memory = self._memory(insights_topic(domain.decode()), partition)
                        memories[domain, partition] = memory
                    if record.position.topic == CREDENTIALS:
                        memory.load_credential(client_key, record.value)
                    else:
                        memory.load(client_key, record.value)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise ServiceError(
                        f"{record.position} is no client's record ({error}); upgrade this worker "
                        "to the version that wrote it"
                    ) from None

    def settle(self) -> None:
        """Fold from here on what comes after the records that were loaded."""
        with self._lock:
            for memory in self._memories.values():
                memory.settle()

    def forget(self, partition: int) -> None:
        """Drop the state of that partition of every domain: another instance has it now."""
        with self._lock:
            for owned in [owned for owned in self._memories if owned[1] == partition]:
                del self._memories[owned]

    def __len__(self) -> int:
        """Number of clients held."""
        with self._lock:
            return sum(map(len, self._memories.values()))

    def by_domain(self, domain: str) -> list[ClientMemory]:
        """The domain's clients, by client_id."""
        with self._lock:
            found = [c.read() for m in self._in_order() if m.domain == domain for c in m.clients()]
        return sorted(found, key=lambda client: client.client_id)

    def tally(self, domain: str) -> Tally:
        """The domain's records by what became of them; of the clients that are held."""
        with self._lock:
            held = [c for m in self._in_order() if m.domain == domain for c in m.clients()]
            return Tally(
                sum(c.accepted for c in held),
                sum(c.rejected for c in held),
                sum(c.duplicates for c in held),
            )

    def client(self, client_id: str, domain: str | None = None) -> ClientMemory | None:
        """A client; of the first domain by name that knows it when none is given."""
        with self._lock:
            for memory in self._in_order():
                if domain in (None, memory.domain) and (found := memory.client(client_id)):
                    return found.read()
        return None

    @property
    def domains(self) -> Mapping[str, int]:
        """Number of clients held, by domain."""
        counts: dict[str, int] = {}
        with self._lock:
            for memory in self._in_order():
                counts[memory.domain] = counts.get(memory.domain, 0) + len(memory)
        return counts

    @property
    def insights(self) -> list[Insight]:
        """The latest insights; by domain and partition, the oldest first."""
        with self._lock:
            return [client.read().latest for m in self._in_order() for client in m.clients()]

    def _in_order(self) -> list[PartitionMemory]:
        return [self._memories[owned] for owned in sorted(self._memories)]

    def _memory(self, topic: str, partition: int) -> PartitionMemory:
        memory = self._memories.get((topic, partition))
        if memory is None:
            memory = PartitionMemory(
                topic, partition, self._limits, self._quota, partitions=self._partitions
            )
            self._memories[topic, partition] = memory
        return memory


def _partition_of(record: Record) -> tuple[str, int]:
    return record.position[:2]
