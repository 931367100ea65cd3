"""Waits until nothing is under way any more, each step bounded: what is late is a difference."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import TopicPartition

from scarcity.broker.groups import committed_offsets
from scarcity.broker.kafka import high_watermarks
from scarcity.broker.settings import KafkaSettings
from scarcity.memory.service import GROUP

LOOK_S: Final = 0.5


async def until(condition: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Return once the condition holds; False when it does not within the time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not await condition():
        if loop.time() > end:
            return False
        await asyncio.sleep(LOOK_S)
    return True


async def lag(kafka: KafkaSettings, topics: Sequence[str], partitions: int) -> int:
    """Records of the insights topics that the fold has not committed."""
    wanted = {TopicPartition(topic, number) for topic in topics for number in range(partitions)}
    ends = await high_watermarks(kafka, wanted)
    done = await committed_offsets(kafka, GROUP)
    return sum(max(0, end - done.get(tp, 0)) for tp, end in ends.items())
