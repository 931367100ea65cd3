"""Commits folded batches one after the other, each while the next is already being folded.

The broker needs about as long for a large batch as the fold does; waiting for it, the worker would
stand still. State that is ahead of the log is safe: whatever fails, all of it is dropped, and taken
over anew from what was committed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from scarcity.broker.bulk import BATCH_BYTES, send_each, send_in_bulk
from scarcity.broker.errors import transaction
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.together import all_ended
from scarcity.events.topics import GLOBAL_MEMORY
from scarcity.memory.global_memory import FoldResult
from scarcity.memory.steps import Step
from scarcity.memory.tracing import BatchTraces, parked_line

logger = logging.getLogger(__name__)

TRANSACTION_TIMEOUT_MS: Final = 30_000


@dataclass(frozen=True)
class FoldedBatch:
    """Records of one partition number, folded and not committed yet.

    Attributes:
        ends: by input partition, the offset to read on from.
        records: their number.
    """

    number: int
    result: FoldResult
    ends: dict[TopicPartition, int]
    traces: BatchTraces
    records: int


class Commits:
    """One transactional producer a partition number, and the batches that are on their way.

    Args:
        group: whose offsets go along.
        fence: what transactional ids begin with.
        on_step: told of each step, right after it is done.

    Attributes:
        committed: records of the batches that were committed.
    """

    def __init__(
        self, kafka: KafkaSettings, group: str, fence: str, on_step: Callable[[Step], None]
    ) -> None:
        self.committed = 0
        self._kafka = kafka
        self._group = group
        self._fence = fence
        self._on_step = on_step
        self._producers: dict[int, AIOKafkaProducer] = {}
        self._running: asyncio.Task[None] | None = None

    @property
    def are_running(self) -> bool:
        """Whether a batch is on its way."""
        return self._running is not None and not self._running.done()

    async def start(self, number: int) -> None:
        """Start the producer of a partition number: an earlier owner can write nothing more."""
        producer = AIOKafkaProducer(
            **self._kafka.producer_options(),
            client_id=f"{self._group}-{number}",
            transactional_id=f"{self._fence}-{number}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
        )
        self._producers[number] = producer
        await producer.start()

    async def settle(self) -> None:
        """Return once what was begun is committed.

        Raises:
            KafkaError: it may have been committed or not; the log knows. Told once.
        """
        running, self._running = self._running, None
        if running is not None:
            await running

    def begin(self, batches: Sequence[FoldedBatch]) -> None:
        """Begin to commit, each batch in a transaction of its own; the last ones are settled."""
        assert self._running is None
        self._running = asyncio.ensure_future(all_ended(map(self._commit, batches)))

    async def close(self) -> KafkaError | None:
        """Stop all producers after what is on its way; returns what that failed by."""
        failure = None
        try:
            await self.settle()
        except KafkaError as error:
            failure = error
        producers, self._producers = self._producers, {}
        await all_ended(producer.stop() for producer in producers.values())
        return failure

    async def _commit(self, batch: FoldedBatch) -> None:
        producer = self._producers[batch.number]
        async with transaction(producer):
            self._on_step(Step.BEGUN)
            await self._publish(producer, batch)
            self._on_step(Step.SENT)
            await producer.send_offsets_to_transaction(batch.ends, self._group)
            self._on_step(Step.OFFSETS_SENT)
        self._on_step(Step.COMMITTED)
        batch.traces.end(time_ns())
        self.committed += batch.records
        if batch.result.dead_letters:  # one line a batch: a broken client must not fill the log
            line, told = parked_line(batch.result.dead_letters)
            logger.warning(line, extra=told)

    async def _publish(self, producer: AIOKafkaProducer, batch: FoldedBatch) -> None:
        """Hand everything to the broker; returns once it has acknowledged it."""
        result = batch.result
        acknowledged = await send_each(producer, result.dead_letters + result.credentials)
        acknowledged += await send_in_bulk(producer, GLOBAL_MEMORY, batch.number, result.changed)
        await asyncio.gather(*acknowledged)
