"""The memory of one partition of one domain: a function of that partition's log, and of no other.

A batch of the service holds records of several partitions, and their interleaving is chance. Each
partition's state here meets only its own records, in the order of their offsets.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from scarcity.events.client_memory import memory_key
from scarcity.events.dead_letter import park
from scarcity.events.errors import InsightError, ServiceError
from scarcity.events.headers import event_headers
from scarcity.events.topics import GLOBAL_MEMORY, INSIGHTS_PREFIX
from scarcity.events.types import Headers, Outgoing, Record
from scarcity.memory.admission import AdmissionLimits, Verdict, admit
from scarcity.memory.folded_client import FoldedClient, decode_client, source_offset

STAGE: Final = "memory.admission"
# Beyond this many, few clients of a batch were in the one before, and all go back to rest.
RESTING_FROM: Final = 16_384

Held: TypeAlias = "FoldedClient | bytes"  # bytes: at rest, the value of its record


class PartitionMemory:
    """Clients of one partition, by record key, the one with the oldest latest insight first.

    That order is the order of source offsets; so it can be had again from the records alone.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        limits: AdmissionLimits,
        quota: int,
        resting_from: int = RESTING_FROM,
    ) -> None:
        """``quota``: clients kept, at least 1. With more than ``resting_from`` all rest."""
        self.topic = topic
        self.partition = partition
        self.domain = topic.removeprefix(INSIGHTS_PREFIX)
        self._limits = limits
        self._quota = quota
        self._resting_from = resting_from
        self._clients: OrderedDict[bytes, Held] = OrderedDict()
        self._sequences: dict[bytes, int] = {}  # of clients that are not at rest
        self._newest = -1  # source offset among those loaded
        self._needs_sorting = False
        self._source = f"/memory/{topic}/{partition}"

    def __len__(self) -> int:
        return len(self._clients)

    def clients(self) -> Iterator[FoldedClient]:
        """The clients, oldest latest insight first."""
        return map(_awake, self._clients.values())

    def client(self, client_id: str) -> FoldedClient | None:
        """The client of that name."""
        held = self._clients.get(client_id.encode())
        return None if held is None else _awake(held)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take in a client's record before the first fold; a later one of its key counts.

        Args:
            key: of the client's insights.
            value: None: the record is a tombstone.

        Raises:
            msgspec.DecodeError: it is no client's record.
        """
        self._clients.pop(key, None)
        if value is None:
            return
        offset = source_offset(value)
        if offset < self._newest:
            self._needs_sorting = True
        self._newest = max(self._newest, offset)
        self._clients[key] = value

    def settle(self) -> None:
        """End loading: from here on it is as if the clients had just been folded."""
        if self._needs_sorting:
            self._clients = OrderedDict(sorted(self._clients.items(), key=_held_offset))
            self._needs_sorting = False

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
            held = clients.get(key)
            known = self._wake(key, held) if isinstance(held, bytes) else held
            try:
                insight = admit(record, self.domain, sequences.get(key), self._limits)
            except InsightError as error:
                dead_letters.append(park(record, error, stage=STAGE))
                if known is not None:
                    known.rejected += 1
                    touched[key] = known
                continue
            if insight is Verdict.DUPLICATE:
                assert known is not None  # only a known client has a sequence to compare with
                known.duplicates += 1
                touched[key] = known
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
        changed = [
            self._tombstone(key, client) for key, client in gone.items() if key not in clients
        ]
        rests = len(clients) > self._resting_from
        for key, client in sorted(touched.items(), key=_offset):
            out = self._outgoing(client)
            if rests and out.value is not None:
                clients[key] = out.value
                sequences.pop(key, None)
            changed.append(out)
        return changed, dead_letters

    def _wake(self, key: bytes, value: bytes) -> FoldedClient:
        self._clients[key] = client = _awake(value)
        sequence = client.latest_sequence()
        if sequence is not None:
            self._sequences[key] = sequence
        return client

    def _trim(self, touched: dict[bytes, FoldedClient], gone: dict[bytes, FoldedClient]) -> None:
        while len(self._clients) > self._quota:
            key, held = self._clients.popitem(last=False)
            self._sequences.pop(key, None)
            touched.pop(key, None)
            gone[key] = _awake(held)

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


def _offset(item: tuple[bytes, FoldedClient]) -> int:
    return item[1].source.offset


def _held_offset(item: tuple[bytes, Held]) -> int:
    held = item[1]
    return source_offset(held) if isinstance(held, bytes) else held.source.offset


def _awake(held: Held) -> FoldedClient:
    if not isinstance(held, bytes):
        return held
    try:
        return decode_client(held)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServiceError(
            f"a client's record is not one that this version reads ({error}): "
            f"{held[:100]!r}…; upgrade this worker to the version that wrote it"
        ) from None
