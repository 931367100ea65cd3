"""Read topics without a consumer group, from any offset, for ever.

aiokafka's own subscription without a group starts every partition anew whenever the set of
partitions changes, so the assignment is kept here and partitions that appear later are added.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import kafka_errors
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import BrokerError
from scarcity.events.types import Position, Record

DISCOVER_S = 5.0  # how often new partitions, and new topics of a pattern, are looked for
FETCH_BYTES: Final = 1 << 20
# Only a record wakes `getmany`: at the end of a transaction the last offset is a marker, which
# is noticed by looking again.
CATCH_UP_POLL_MS = 20


def to_record(message: "ConsumerRecord[bytes | None, bytes | None]") -> Record:
    """An aiokafka record as ours."""
    return Record(
        Position(message.topic, message.partition, message.offset),
        message.key,
        message.value,
        message.timestamp,
        tuple((name, value or b"") for name, value in message.headers),
    )


def without_headers(message: "ConsumerRecord[bytes | None, bytes | None]") -> Record:
    """As :func:`to_record`, for half the time, where no one looks at the headers."""
    return Record(
        Position(message.topic, message.partition, message.offset),
        message.key,
        message.value,
        message.timestamp,
    )


async def follow(
    settings: KafkaSettings,
    topics: Sequence[str],
    *,
    partitions: Sequence[int] | None = None,
    start: Mapping[TopicPartition, int] | None = None,
    from_end: bool = False,
    only_new: str = "",
    max_wait_ms: int = 500,
    discover_s: float = DISCOVER_S,
    fetch_bytes: int = FETCH_BYTES,
    convert: "Callable[[ConsumerRecord[bytes | None, bytes | None]], Record]" = to_record,
) -> AsyncGenerator[list[Record], None]:
    """Batches of committed records; an empty batch once, when the first end has been reached.

    The end is the high watermark of every partition at the start: an open transaction below it is
    waited for. Broker restarts are survived; partitions and topics that appear are added.

    Args:
        topics: names; one that begins with ``^`` is a pattern.
        partitions: numbers to read of each topic; None: all.
        start: first offset of a partition; others begin at their earliest record.
        from_end: partitions without an entry in ``start`` begin at their high watermark.
        only_new: the same for topics that this pattern matches, and that are there now.
        max_wait_ms: how long a fetch waits for a record. New records end the wait at once.
        fetch_bytes: most that a fetch brings of a partition; long readings want more.
        discover_s: how often new partitions and topics are looked for.
        convert: makes a record of a message.

    Raises:
        BrokerError: a named topic or partition does not exist, or the broker refused.
    """
    what = "read " + ", ".join(topics)
    finder = _Finder(settings, topics, partitions)
    consumer = AIOKafkaConsumer(
        **settings.consumer_options(),
        group_id=None,
        fetch_max_wait_ms=max_wait_ms,
        max_partition_fetch_bytes=fetch_bytes,
    )
    try:
        await start_with_backoff(finder.start, what, settings)
        await start_with_backoff(consumer.start, what, settings)
        found = await finder.find()
        ends = await high_watermarks(settings, found)
        skipped = {
            tp: end
            for tp, end in ends.items()
            if from_end or (only_new and re.match(only_new, tp.topic))
        }
        reader = _Reader(consumer, convert, {**skipped, **(start or {})})
        await reader.assign(found)
        waiting = {tp for tp in found if ends[tp]}
        caught_up = False
        look_at = asyncio.get_running_loop().time() + discover_s
        while True:
            with kafka_errors(what):
                batch = await reader.read(max_wait_ms if caught_up else CATCH_UP_POLL_MS)
                waiting = {tp for tp in waiting if await consumer.position(tp) < ends[tp]}
            if batch:
                yield batch
            if not caught_up and not waiting:
                caught_up = True
                yield []
            if (now := asyncio.get_running_loop().time()) >= look_at:
                look_at = now + discover_s
                await reader.assign(await finder.find_again())
    finally:
        await consumer.stop()
        await finder.close()


class _Reader:
    """One consumer and its assignment, which only grows."""

    def __init__(
        self,
        consumer: "AIOKafkaConsumer[bytes | None, bytes | None]",
        convert: "Callable[[ConsumerRecord[bytes | None, bytes | None]], Record]",
        start: Mapping[TopicPartition, int],
    ) -> None:
        self._consumer = consumer
        self._convert = convert
        self._start = start

    async def assign(self, partitions: set[TopicPartition]) -> None:
        have = self._consumer.assignment()
        if partitions <= have:
            return
        positions = {tp: await self._consumer.position(tp) for tp in have}
        self._consumer.assign(sorted(partitions | have))
        for tp, offset in {**self._start, **positions}.items():
            if tp in partitions or tp in have:
                self._consumer.seek(tp, offset)

    async def read(self, wait_ms: int) -> list[Record]:
        if not self._consumer.assignment():
            await asyncio.sleep(wait_ms / 1000)
            return []
        fetched = await self._consumer.getmany(timeout_ms=wait_ms)
        return [self._convert(message) for tp in sorted(fetched) for message in fetched[tp]]


class _Finder:
    """Which partitions the topics have now."""

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], partitions: Sequence[int] | None
    ) -> None:
        self._admin = AIOKafkaAdminClient(**settings.client_options())
        self._names = [t for t in topics if not t.startswith("^")]
        self._patterns = [re.compile(t) for t in topics if t.startswith("^")]
        self._partitions = partitions
        self._found: set[TopicPartition] = set()

    async def start(self) -> None:
        await self._admin.start()

    async def close(self) -> None:
        await self._admin.close()

    async def find(self) -> set[TopicPartition]:
        """Partitions of all topics.

        Raises:
            BrokerError: a name without topic, or a partition number that the topic lacks.
        """
        with kafka_errors("list topics"):
            described = await self._admin.describe_topics(None if self._patterns else self._names)
            for topic in described:
                if topic["error_code"] == TopicAuthorizationFailedError.errno:
                    raise TopicAuthorizationFailedError(topic["topic"])
        numbers = {t["topic"]: {p["partition"] for p in t["partitions"]} for t in described}
        for name in self._names:
            lacking = set(self._partitions or ()) - numbers.get(name, set())
            if not numbers.get(name) or lacking:
                raise BrokerError(
                    f"topic {name!r} "
                    + (
                        f"has no partition {min(lacking)}"
                        if numbers.get(name)
                        else "does not exist"
                    )
                    + ": run `scarcity topics apply`"
                )
        self._found = {
            TopicPartition(topic, number)
            for topic, ids in numbers.items()
            if topic in self._names or any(p.match(topic) for p in self._patterns)
            for number in ids
            if self._partitions is None or number in self._partitions
        }
        return self._found

    async def find_again(self) -> set[TopicPartition]:
        """As :meth:`find`, but a broker that is away for a moment changes nothing."""
        try:
            return await self.find()
        except (BrokerError, KafkaError):
            return self._found


async def check_there(settings: KafkaSettings, *topics: str) -> None:
    """Return when all of these topics exist.

    Raises:
        BrokerError: one does not, or this user may not see it.
    """
    finder = _Finder(settings, topics, None)
    try:
        await start_with_backoff(finder.start, "look for topics", settings)
        await finder.find()
    finally:
        await finder.close()


async def high_watermarks(
    settings: KafkaSettings, partitions: set[TopicPartition]
) -> dict[TopicPartition, int]:
    """Offset after the last record of each partition, open transactions included.

    A consumer of its own: asked by a read-committed one, Kafka answers with the last stable
    offset, and a record that is about to be committed would be missed.
    """
    if not partitions:
        return {}
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    consumer.assign(sorted(partitions))
    consumer.pause(*partitions)
    try:
        await start_with_backoff(consumer.start, "ask for the end of topics", settings)
        with kafka_errors("ask for the end of topics"):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(sorted(partitions))
            return ends
    finally:
        await consumer.stop()


async def read_to_end(
    settings: KafkaSettings, topic: str, partitions: Sequence[int] | None = None
) -> list[Record]:
    """Committed records up to the high watermark, by (partition, offset).

    Raises:
        BrokerError: the topic or a partition does not exist.
    """
    records: list[Record] = []
    async with aclosing(follow(settings, [topic], partitions=partitions)) as batches:
        async for batch in batches:
            if not batch:
                break
            records += batch
    return sorted(records, key=lambda record: record.position)
