"""Many records into one partition: whole batches are built here, so that aiokafka makes one future
and one check a batch instead of one a record."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from scarcity.events.types import Outgoing

BATCH_BYTES = 900_000  # below the 1 MiB that a broker takes in one batch by default


async def send_each(
    producer: AIOKafkaProducer, outgoing: Iterable[Outgoing]
) -> "list[asyncio.Future[object]]":
    """Hand records over one by one; the futures end when the broker has acknowledged them."""
    return [
        await producer.send(
            out.topic,
            key=out.key,
            value=out.value,
            headers=list(out.headers),
            partition=out.partition,
        )
        for out in outgoing
    ]


async def send_in_bulk(
    producer: AIOKafkaProducer, topic: str, partition: int, outgoing: Iterable[Outgoing]
) -> "list[asyncio.Future[object]]":
    """Hand records over in their order; the futures end when the broker has acknowledged them.

    Args:
        producer: built with ``max_batch_size=BATCH_BYTES``.
        outgoing: their own topic and partition are not looked at.
    """
    sent = []
    batch = producer.create_batch()
    for out in outgoing:
        key, value, headers = out.key, out.value, list(out.headers)
        while batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
    if batch.record_count():
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent
