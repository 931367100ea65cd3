"""The memory of one partition of one domain: a function of that partition's log, and of no other.

A batch of the service holds records of several partitions, and their interleaving is chance. Each
partition's state here meets only its own records, in the order of their offsets.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, Literal, TypeAlias

import msgspec

from scarcity.events.client_memory import memory_key
from scarcity.events.dead_letter import park
from scarcity.events.errors import EventError, ServiceError
from scarcity.events.headers import event_headers
from scarcity.events.insight import Insight
from scarcity.events.revocation import Revocation
from scarcity.events.topics import GLOBAL_MEMORY, INSIGHTS_PREFIX
from scarcity.events.types import Headers, Outgoing, Record
from scarcity.keys.record_signing import Attested
from scarcity.memory.admission import AdmissionLimits, Verdict, admit
from scarcity.memory.authority import (
    Authority,
    Sender,
    Senders,
    check_sender,
    is_revocation,
)
from scarcity.memory.credentials import Credentials, refuse_replay
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
        partitions: int | None = None,
    ) -> None:
        """Hold nothing yet.

        Args:
            quota: clients kept, at least 1. With more than ``resting_from`` all rest.
            partitions: of the topic; None: not known.
        """
        self.topic = topic
        self.partition = partition
        self.domain = topic.removeprefix(INSIGHTS_PREFIX)
        self._limits = limits
        self._quota = quota
        self._resting_from = resting_from
        self._partitions = partitions
        self._clients: OrderedDict[bytes, Held] = OrderedDict()
        self._sequences: dict[bytes, int] = {}  # of clients that are not at rest
        self._newest = -1  # source offset among those loaded
        self._needs_sorting = False
        self._source = f"/memory/{topic}/{partition}"
        self._credentials = Credentials(self.domain, partition, self._source)

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

    def load_credential(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of `credentials`, as :meth:`load` does one of `global-memory`."""
        self._credentials.load(key, value)

    def settle(self) -> None:
        """End loading: from here on it is as if the clients had just been folded."""
        if self._needs_sorting:
            self._clients = OrderedDict(sorted(self._clients.items(), key=_held_offset))
            self._needs_sorting = False

    def fold(
        self, records: Iterable[Record], senders: Senders | None = None
    ) -> tuple[list[Outgoing], list[Outgoing]]:
        """Fold records in the order of their offsets.

        Args:
            senders: of those records that were judged before.

        Returns:
            Changed clients' records, in the order of their source offsets, after the tombstones of
            those that went; and the dead letters.
        """
        clients, sequences = self._clients, self._sequences
        limits, authority = self._limits, self._limits.authority
        touched: dict[bytes, FoldedClient] = {}
        gone: dict[bytes, FoldedClient] = {}
        dead_letters: list[Outgoing] = []
        for record in records:
            key = record.key or b""
            sender = None if authority is None else self._sender(authority, record, senders)
            if sender is not None and isinstance(sender, EventError):
                # Not the client's: whoever sent it must not move the client's record.
                dead_letters.append(self._park_stranger(record, sender))
                continue
            held = clients.get(key)
            known = self._wake(key, held) if isinstance(held, bytes) else held
            if sender is not None and isinstance(sender, Revocation):
                self._revoke(key, sender, record, touched, gone)
                continue
            try:
                if sender is None:
                    insight = admit(record, self.domain, sequences.get(key), limits)
                else:
                    insight = self._admit(record, key, known, sender)
            except EventError as error:
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
            if sender is None:
                known.accept(insight, record)
            else:
                known.accept(insight, record, sender.certificate.serial)
                self._credentials.drop(key, record.timestamp_ms)
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

    def take_credentials(self) -> list[Outgoing]:
        """Records for `credentials` of what changed there, once."""
        return self._credentials.take_changed()

    def _sender(self, authority: Authority, record: Record, senders: Senders | None) -> Sender:
        judged = None if senders is None else senders.get(record.position)
        return authority.judge(record, self._partitions) if judged is None else judged

    def _park_stranger(self, record: Record, error: EventError) -> Outgoing:
        if not is_revocation(record):
            try:
                admit(record, self.domain, None, self._limits, partial(_refuse, error))
            except EventError as first:  # what is no insight of this domain and key is told as such
                error = first
        return park(record, error, stage=STAGE)

    def _admit(
        self, record: Record, key: bytes, known: FoldedClient | None, sender: Attested
    ) -> Insight | Literal[Verdict.DUPLICATE]:
        last = self._sequences.get(key)
        credential = self._credentials.get(key) if known is None else None
        serial = 0 if known is None else known.serial
        if credential is not None:
            last = credential.sequence
        check = partial(check_sender, sender=sender, known_serial=serial, credential=credential)
        insight = admit(record, self.domain, last, self._limits, check)
        if insight is Verdict.DUPLICATE and not (known and known.is_resent(record)):
            raise refuse_replay(sender.sequence, last)
        return insight

    def _revoke(
        self,
        key: bytes,
        told: Revocation,
        record: Record,
        touched: dict[bytes, FoldedClient],
        gone: dict[bytes, FoldedClient],
    ) -> None:
        client = self.client(told.client_id)
        if client is not None and client.serial > told.serial:
            return  # it goes on under a newer certificate, and older ones are refused as it is
        self._credentials.revoke(key, told, record, client)
        if client is not None:
            del self._clients[key]
            self._sequences.pop(key, None)
            touched.pop(key, None)
            gone[key] = client

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
            gone[key] = client = _awake(held)
            self._credentials.remember(key, client)

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


def _refuse(error: EventError, _: Insight) -> None:
    raise error


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServiceError(
            f"a client's record is not one that this version reads ({error}): "
            f"{held[:100]!r}…; upgrade this worker to the version that wrote it"
        ) from None
