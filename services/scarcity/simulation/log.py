"""An in-process log with the broker's contract: offsets, keys, tombstones, compaction.

It ships with the product: tests, the notebook façade and replays share it, and one behaviour suite
(tests/broker/behaviour.py) runs over it and over a real Kafka.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

from scarcity.events.types import Outgoing, Position, Record


class MemoryLog:
    """A broker of one process. Time comes in: each record takes ``now_ms()`` as its timestamp.

    Args:
        partitions: of every topic; a topic exists from its first record or reader on.
        now_ms: virtual time, milliseconds.
    """

    def __init__(self, *, partitions: int = 3, now_ms: Callable[[], int] = lambda: 0) -> None:
        if partitions < 1:
            raise ValueError(f"partitions must be at least 1, got {partitions}")
        self.partitions = partitions
        self._now_ms = now_ms
        self._logs: dict[str, list[list[Record]]] = defaultdict(
            lambda: [[] for _ in range(partitions)]
        )
        self._next_offset: dict[tuple[str, int], int] = defaultdict(int)
        self._arrivals: dict[str, list[Record]] = defaultdict(list)
        self._grew = asyncio.Condition()

    async def publish(self, *outgoing: Outgoing) -> None:
        """Append records in order; returns once readers can see them all."""
        for record in outgoing:
            self.append(record)
        async with self._grew:
            self._grew.notify_all()

    def append(self, outgoing: Outgoing) -> Record:
        """Append one record, without waking the readers of :meth:`stream`.

        Raises:
            ValueError: the partition does not exist.
        """
        partition = self._partition_of(outgoing)
        where = (outgoing.topic, partition)
        position = Position(outgoing.topic, partition, self._next_offset[where])
        self._next_offset[where] += 1
        record = Record(position, outgoing.key, outgoing.value, self._now_ms(), outgoing.headers)
        self._logs[outgoing.topic][partition].append(record)
        self._arrivals[outgoing.topic].append(record)
        return record

    def _partition_of(self, outgoing: Outgoing) -> int:
        if outgoing.partition is not None:
            if not 0 <= outgoing.partition < self.partitions:
                raise ValueError(
                    f"{outgoing.topic} has partitions 0 to {self.partitions - 1}, "
                    f"not {outgoing.partition}"
                )
            return outgoing.partition
        # CRC-32 and not hash(): the same key goes to the same partition in every process.
        return zlib.crc32(outgoing.key or b"") % self.partitions

    async def read_all(self, topic: str) -> list[Record]:
        """Every record still kept, by partition and offset."""
        return [record for log in self._logs[topic] for record in log]

    async def stream(self, *topics: str, from_start: bool = True) -> AsyncIterator[list[Record]]:
        """Batches of records in the order of their arrival, for ever.

        An empty batch marks that the end was reached for the first time.
        """
        seen = {t: 0 if from_start else len(self._arrivals[t]) for t in topics}
        caught_up = False
        while True:
            batch = [r for t in topics for r in self._arrivals[t][seen[t] :]]
            for topic in topics:
                seen[topic] = len(self._arrivals[topic])
            if batch:
                yield batch
            elif not caught_up:
                caught_up = True
                yield []
            else:
                async with self._grew:
                    await self._grew.wait_for(
                        lambda: any(len(self._arrivals[t]) > seen[t] for t in topics)
                    )

    def discard(self, topic: str) -> None:
        """Drop every record of a topic; offsets go on. No one may be streaming it."""
        for log in self._logs[topic]:
            log.clear()
        self._arrivals[topic].clear()

    def compact(self, topic: str) -> None:
        """Keep the latest record of each key and drop tombstones; offsets stay as they are."""
        for partition, log in enumerate(self._logs[topic]):
            latest = {record.key: record for record in log}
            self._logs[topic][partition] = [
                r for r in log if latest[r.key] is r and r.value is not None
            ]
