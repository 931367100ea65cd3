"""The memory of one partition of one domain: a function of that partition's log, and of no other.

A batch of the service holds records of several partitions, and their interleaving is chance. Each
partition's state here meets only its own records, in the order of their offsets.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from scarcity.events.client_memory import memory_key
from scarcity.events.dead_letter import park
from scarcity.events.errors import InsightError
from scarcity.events.headers import event_headers
from scarcity.events.topics import GLOBAL_MEMORY, INSIGHTS_PREFIX
from scarcity.events.types import Headers, Outgoing, Record
from scarcity.memory.admission import AdmissionLimits, Verdict, admit
from scarcity.memory.folded_client import FoldedClient

STAGE: Final = "memory.admission"


class PartitionMemory:
    """Clients of one partition, by record key, the one with the oldest latest insight first.

    That order is the order of source offsets; so it can be had again from the records alone.
    """

    def __init__(self, topic: str, partition: int, limits: AdmissionLimits, quota: int) -> None:
        """``quota``: clients kept, at least 1."""
        self.topic = topic
        self.partition = partition
        self.domain = topic.removeprefix(INSIGHTS_PREFIX)
        self._limits = limits
        self._quota = quota
        self._clients: OrderedDict[bytes, FoldedClient] = OrderedDict()
        self._sequences: dict[bytes, int] = {}
        self._source = f"/memory/{topic}/{partition}"

    def __len__(self) -> int:
        return len(self._clients)

    def clients(self) -> Iterator[FoldedClient]:
        """The clients, oldest latest insight first."""
        return iter(self._clients.values())

    def client(self, client_id: str) -> FoldedClient | None:
        """The client of that name."""
        return self._clients.get(client_id.encode())

    def restore(self, clients: Iterable[FoldedClient]) -> None:
        """Take in the clients of this partition, in any order, as if they had just been folded."""
        for client in sorted(clients, key=_offset):
            key = client.client_id.encode()
            self._clients[key] = client
            sequence = client.latest_sequence()
            if sequence is not None:
                self._sequences[key] = sequence

    def fold(self, records: Iterable[Record]) -> tuple[list[Outgoing], list[Outgoing]]:
        """Fold records in the order of their offsets.

        Returns:
            Changed clients' records, in the order of their source offsets, after the tombstones of
            those that went; and the dead letters.
        """
        clients, sequences = self._clients, self._sequences
        touched: dict[bytes, FoldedClient] = {}
        gone: dict[bytes, FoldedClient] = {}
        dead_letters: list[Outgoing] = []
        for record in records:
            key = record.key or b""
            known = clients.get(key)
            try:
                insight = admit(record, self.domain, sequences.get(key), self._limits)
            except InsightError as error:
                dead_letters.append(park(record, error, stage=STAGE))
                if known is not None:
                    known.rejected += 1
                    touched[key] = known
                continue
            if insight is Verdict.DUPLICATE:
                # Only a known client has a sequence to compare with.
                clients[key].duplicates += 1
                touched[key] = clients[key]
                continue
            if known is None:
                clients[key] = known = FoldedClient.start(insight, record)
            else:
                clients.move_to_end(key)
            known.accept(insight, record)
            if insight.sequence is not None:
                sequences[key] = insight.sequence
            touched[key] = known
            if len(clients) > self._quota:
                self._trim(touched, gone)
        changed = [self._tombstone(key, known) for key, known in gone.items() if key not in clients]
        for known in sorted(touched.values(), key=_offset):
            changed.append(self._outgoing(known))
        return changed, dead_letters

    def _trim(self, touched: dict[bytes, FoldedClient], gone: dict[bytes, FoldedClient]) -> None:
        while len(self._clients) > self._quota:
            key, client = self._clients.popitem(last=False)
            self._sequences.pop(key, None)
            touched.pop(key, None)
            gone[key] = client

    def _headers(self, client: FoldedClient) -> Headers:
        records = client.accepted + client.rejected + client.duplicates
        return event_headers(
            "ClientMemory",
            source=self._source,
            event_id=f"{client.source.offset}-{records}",
            at_ms=client.last_seen_ms,
        )

    def _outgoing(self, client: FoldedClient) -> Outgoing:
        key = memory_key(self.domain, client.client_id)
        return Outgoing(GLOBAL_MEMORY, key, client.encode(), self._headers(client), self.partition)

    def _tombstone(self, key: bytes, client: FoldedClient) -> Outgoing:
        key = memory_key(self.domain, client.client_id)
        return Outgoing(GLOBAL_MEMORY, key, None, self._headers(client), self.partition)


def _offset(client: FoldedClient) -> int:
    return client.source.offset
