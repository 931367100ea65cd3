"""Insights as clients write them, made in bulk and put into a topic."""

import random
from collections.abc import Callable, Iterator

import orjson
from aiokafka import AIOKafkaProducer

from scarcity.broker.bulk import BATCH_BYTES
from scarcity.broker.settings import KafkaSettings
from scarcity.events.partitioning import partition_of
from scarcity.events.topics import insights_topic
from scarcity.events.types import EXPERT_NAMES, Headers

DOMAIN = "bench"
TOPIC = insights_topic(DOMAIN)
VARIANTS = 500  # distinct sets of ten experts that the events are made of
SLOPES = 9


def expert_sets(seed: int) -> list[bytes]:
    """Bodies of `expert_insights` with every digit a client's floats and slopes have."""
    draw = random.Random(seed)
    return [
        orjson.dumps(
            {
                name: {
                    "loss": draw.lognormvariate(-2, 1),
                    "samples": draw.randint(4, 30),
                    "previous_loss": draw.lognormvariate(-2, 1),
                    "slopes": [round(draw.gauss(0, 2**22)) for _ in range(SLOPES)],
                }
                for name in EXPERT_NAMES
            }
        )
        for _ in range(VARIANTS)
    ]


def insights(events: int, clients: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Client's number, key and value; clients take turns, each numbers its insights."""
    experts = expert_sets(seed=1)
    for event in range(events):
        client, sequence = event % clients, event // clients
        name = f"client-{client:05d}"
        value = (
            b'{"client_id":"%b","expert_insights":%b,"avg_loss":0.1352335283236613,'
            b'"total_samples":70,"domain":"%b","sequence":%d,"meta_version":%d,'
            b'"created_at":1753264512.125,"schema_version":"1.0"}'
        ) % (
            name.encode(),
            experts[event * 7 % VARIANTS],
            DOMAIN.encode(),
            sequence,
            sequence,
        )
        yield client, name.encode(), value


async def publish(
    kafka: KafkaSettings,
    events: int,
    clients: int,
    partitions: int,
    headers_of: Callable[[bytes, int, bytes], Headers] | None = None,
) -> int:
    """Write the events; returns the bytes of their values.

    Args:
        headers_of: headers for a key, sequence and value; None: there are none, and client c goes
            to partition c modulo ``partitions``. With headers it goes where Kafka's hash says.
    """
    producer = AIOKafkaProducer(**kafka.producer_options(), max_batch_size=BATCH_BYTES)
    await producer.start()
    written, written_of = 0, [0] * clients
    batches = [producer.create_batch() for _ in range(partitions)]
    for client, key, value in insights(events, clients):
        number = client % partitions if headers_of is None else partition_of(key, partitions)
        headers = [] if headers_of is None else list(headers_of(key, written_of[client], value))
        written_of[client] += 1
        written += len(value)
        while batches[number].append(timestamp=None, key=key, value=value, headers=headers) is None:
            await producer.send_batch(batches[number], TOPIC, partition=number)
            batches[number] = producer.create_batch()
    for number, batch in enumerate(batches):
        await producer.send_batch(batch, TOPIC, partition=number)
    await producer.stop()
    return written
