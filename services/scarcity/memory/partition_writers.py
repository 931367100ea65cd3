"""Writes what a batch changed, with the offsets it came from, in one transaction.

A transactional producer a partition number: by its id an earlier owner of the number is fenced.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition

from scarcity.broker.bulk import BATCH_BYTES, send_each, send_in_bulk
from scarcity.broker.errors import transaction
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.together import all_ended
from scarcity.events.topics import GLOBAL_MEMORY
from scarcity.memory.global_memory import FoldResult
from scarcity.memory.steps import Step

TRANSACTION_TIMEOUT_MS: Final = 30_000


class PartitionWriters:
    """The producers of the partition numbers that this worker owns.

    Args:
        group: whose offsets go along.
        fence: what transactional ids begin with.
        on_step: told of each step, right after it is done.
    """

    def __init__(
        self, kafka: KafkaSettings, group: str, fence: str, on_step: Callable[[Step], None]
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._fence = fence
        self._on_step = on_step
        self._producers: dict[int, AIOKafkaProducer] = {}

    async def start(self, number: int) -> None:
        """Start the producer of a number: an earlier owner can write nothing more."""
        producer = AIOKafkaProducer(
            **self._kafka.producer_options(),
            client_id=f"{self._group}-{number}",
            transactional_id=f"{self._fence}-{number}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
        )
        self._producers[number] = producer
        await producer.start()

    async def stop(self) -> None:
        """Stop all producers."""
        producers, self._producers = self._producers, {}
        await all_ended(producer.stop() for producer in producers.values())

    async def commit(
        self, number: int, result: FoldResult, ends: Mapping[TopicPartition, int]
    ) -> None:
        """Write all of a batch, or nothing; ``ends``: offsets to read on from.

        Raises:
            KafkaError: it may have been committed or not; the log knows.
        """
        producer = self._producers[number]
        async with transaction(producer):
            self._on_step(Step.BEGUN)
            await _publish(producer, number, result)
            self._on_step(Step.SENT)
            await producer.send_offsets_to_transaction(ends, self._group)
            self._on_step(Step.OFFSETS_SENT)
        self._on_step(Step.COMMITTED)


async def _publish(producer: AIOKafkaProducer, number: int, result: FoldResult) -> None:
    """Hand everything to the broker; returns once it has acknowledged it."""
    acknowledged = await send_each(producer, result.dead_letters + result.credentials)
    acknowledged += await send_in_bulk(producer, GLOBAL_MEMORY, number, result.changed)
    await asyncio.gather(*acknowledged)
