"""The floor: `getmany` and `orjson.loads`, nothing else."""

import asyncio

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.fold.counting import Arguments, Counter, tell
from scarcity.broker.settings import KafkaSettings
from scarcity.memory.service import FETCH_BYTES


async def main() -> None:
    """Read until ended."""
    arguments, counter = Arguments(), Counter()
    consumer = AIOKafkaConsumer(
        **KafkaSettings(arguments.bootstrap_servers).consumer_options(),
        group_id=None,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    consumer.assign(
        [TopicPartition(arguments.topic, number) for number in range(arguments.partitions)]
    )
    tell(counter)
    while True:
        for messages in (await consumer.getmany(timeout_ms=200)).values():
            for message in messages:
                orjson.loads(message.value)
            counter.done += len(messages)


if __name__ == "__main__":
    asyncio.run(main())
