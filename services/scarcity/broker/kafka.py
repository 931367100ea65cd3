"""The real broker: publish acknowledged, read committed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import kafka_errors
from scarcity.broker.following import follow, high_watermarks, read_to_end, to_record
from scarcity.broker.settings import KafkaSettings
from scarcity.events.types import Outgoing, Record

__all__ = [
    "KafkaBroker",
    "follow",
    "high_watermarks",
    "latest_by_key",
    "read_to_end",
    "start_with_backoff",
    "to_record",
]


SEE_TRIES = 5
SEE_EVERY_S = 0.2


class KafkaBroker:
    """A Broker over Kafka; an async context manager that holds one idempotent producer."""

    def __init__(self, settings: KafkaSettings, client_id: str = "scarcity") -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._partitions: dict[str, frozenset[int]] = {}

    async def __aenter__(self) -> Self:
        producer = AIOKafkaProducer(**self._settings.producer_options(), client_id=self._client_id)
        self._producer = producer
        try:
            await start_with_backoff(producer.start, f"producer {self._client_id}", self._settings)
        except BaseException:
            await producer.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def publish(self, *outgoing: Outgoing) -> None:
        """Append records; return once all are acknowledged (acks=all, idempotent, in order).

        Raises:
            BrokerError: a topic does not exist, a record was refused or not acknowledged.
            ValueError: a topic has no such partition (the caller's mistake).
        """
        if self._producer is None:
            raise RuntimeError("use KafkaBroker as `async with KafkaBroker(settings) as broker:`")
        topics = sorted({out.topic for out in outgoing})
        with kafka_errors(f"publish to {', '.join(topics)}"):
            await self._see(self._producer, [t for t in topics if t not in self._partitions])
            for out in outgoing:
                if out.partition is not None and out.partition not in self._partitions[out.topic]:
                    raise ValueError(f"{out.topic} has no partition {out.partition}")
            sent = [
                await self._producer.send(
                    out.topic,
                    key=out.key,
                    value=out.value,
                    headers=list(out.headers),
                    partition=out.partition,
                )
                for out in outgoing
            ]
            await asyncio.gather(*sent)

    async def _see(self, producer: AIOKafkaProducer, topics: list[str]) -> None:
        # aiokafka would look for a topic that does not exist for 40 s; a topic that was made a
        # moment ago may need a second until every broker knows it.
        for _ in range(SEE_TRIES):
            if not topics:
                return
            cluster = await producer.client.fetch_all_metadata()
            for topic in topics:
                if numbers := cluster.partitions_for_topic(topic):
                    self._partitions[topic] = frozenset(numbers)
            topics = [t for t in topics if t not in self._partitions]
            await asyncio.sleep(SEE_EVERY_S if topics else 0)
        if topics:
            raise UnknownTopicOrPartitionError(", ".join(topics))

    async def read_all(self, topic: str) -> list[Record]:
        """Committed records up to the high watermark, by (partition, offset).

        Raises:
            BrokerError: the topic does not exist.
        """
        return await read_to_end(self._settings, topic)

    async def stream(self, *topics: str, from_start: bool = True) -> AsyncIterator[list[Record]]:
        """Batches of committed records, for ever; see :func:`follow`."""
        async with aclosing(follow(self._settings, topics, from_end=not from_start)) as batches:
            async for batch in batches:
                yield batch


async def latest_by_key(
    settings: KafkaSettings, topic: str, partitions: Sequence[int] | None = None
) -> dict[bytes, Record]:
    """The compacted view of a topic: the last committed record of each key, tombstones left out.

    Records without a key are left out too: compaction knows none.

    Raises:
        BrokerError: the topic or a partition does not exist.
    """
    latest: dict[bytes, Record] = {}
    for record in await read_to_end(settings, topic, partitions):
        if record.key is None:
            continue
        if record.value is None:
            latest.pop(record.key, None)
        else:
            latest[record.key] = record
    return latest
