"""`make bench-fold`: events/s of the whole transactional fold, beside a floor in the same run.

The floor reads the same topic with aiokafka's `getmany` and `orjson.loads` and does nothing else.
Both rates leave out what comes before the first batch (joining the group, restoring). The reader's
own CPU time is shown too: on a busy machine it says more than the clock.
"""

import argparse
import asyncio
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import DEAD_LETTERS, GLOBAL_MEMORY, insights_topic
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH
from scarcity.memory.service import BATCH_BYTES, FETCH_BYTES, FoldWorker
from scarcity.memory.settings import MemorySettings

DOMAIN = "bench"
TOPIC = insights_topic(DOMAIN)
TOPICS_FILE = Path(__file__).parent.parent / "topics.yaml"
VARIANTS = 500  # distinct sets of ten experts that the events are made of
GOAL = 0.2


class Rate(NamedTuple):
    """What a reader reached after its first batch."""

    events_per_s: float
    cpu_us: float  # of this process, per event

    @classmethod
    def since(cls, events: int, began_s: float, cpu_began_s: float) -> "Rate":
        """From the clocks' readings at the first batch, and the events since."""
        cpu_us = (process_time() - cpu_began_s) / events * 1e6
        return cls(events / (perf_counter() - began_s), cpu_us)

    def __str__(self) -> str:
        return f"{self.events_per_s:10,.0f} events/s, {self.cpu_us:5.1f} us CPU an event"


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
                    "slopes": [round(draw.gauss(0, 2**22)) for _ in range(SLOPE_LENGTH)],
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


async def publish(kafka: KafkaSettings, events: int, clients: int, partitions: int) -> int:
    """Write the events; client c goes to partition c modulo ``partitions``. Returns their bytes."""
    producer = AIOKafkaProducer(**kafka.producer_options(), max_batch_size=BATCH_BYTES)
    await producer.start()
    written = 0
    batches = [producer.create_batch() for _ in range(partitions)]
    for client, key, value in insights(events, clients):
        number = client % partitions
        written += len(value)
        while batches[number].append(timestamp=None, key=key, value=value, headers=[]) is None:
            await producer.send_batch(batches[number], TOPIC, partition=number)
            batches[number] = producer.create_batch()
    for number, batch in enumerate(batches):
        await producer.send_batch(batch, TOPIC, partition=number)
    await producer.stop()
    return written


async def floor_rate(kafka: KafkaSettings, events: int, partitions: int) -> Rate:
    """Reading and parsing alone."""
    consumer = AIOKafkaConsumer(
        **kafka.consumer_options(), group_id=None, max_partition_fetch_bytes=FETCH_BYTES
    )
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC, number) for number in range(partitions)])
    seen, first, began, cpu = 0, 0, 0.0, 0.0
    while seen < events:
        for messages in (await consumer.getmany(timeout_ms=200)).values():
            for message in messages:
                orjson.loads(message.value)
            seen += len(messages)
        if not first and seen:
            first, began, cpu = seen, perf_counter(), process_time()
    rate = Rate.since(events - first, began, cpu)
    await consumer.stop()
    return rate


async def fold_rate(kafka: KafkaSettings, events: int) -> Rate:
    """The worker, from its first committed batch to its last."""
    worker = FoldWorker(kafka, MemorySettings())
    done = False
    running = asyncio.create_task(worker.run(lambda: done))
    while not worker.folded and not running.done():
        await asyncio.sleep(0.002)
    first, began, cpu = worker.folded, perf_counter(), process_time()
    while worker.folded < events and not running.done():
        await asyncio.sleep(0.002)
    rate = Rate.since(events - first, began, cpu)
    done = True
    await running
    return rate


async def measure(kafka: KafkaSettings, events: int, clients: int, partitions: int) -> None:
    """Write, read, fold, check the result, and print the ratio."""
    began = perf_counter()
    written = await publish(kafka, events, clients, partitions)
    print(
        f"{events} insights of {clients} clients, {written / events:.0f} bytes each, written in "
        f"{perf_counter() - began:.1f} s"
    )
    floor = await floor_rate(kafka, events, partitions)
    print(f"floor (getmany + orjson.loads): {floor}")
    fold = await fold_rate(kafka, events)
    print(f"fold (admission, transactions): {fold}")
    print(f"ratio {fold.events_per_s / floor.events_per_s:.3f} (goal {GOAL})")
    folded = await latest_by_key(kafka, GLOBAL_MEMORY)
    parked = await latest_by_key(kafka, DEAD_LETTERS)
    accepted = sum(orjson.loads(record.value or b"{}")["accepted"] for record in folded.values())
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{GLOBAL_MEMORY}: {len(folded)} clients, {accepted} accepted, {len(parked)} parked; "
        f"this process took {peak_mib:.0f} MiB at most"
    )


def main() -> None:
    """Start a broker of its own in a temporary directory, measure, stop it."""
    parser = argparse.ArgumentParser(prog="benchmarks.fold", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--clients", type=int, default=10_000)
    args = parser.parse_args()
    # A supervisor's stop unwinds too: the broker is a process of its own and would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="scarcity-bench-") as directory:
        broker = EmbeddedKafka(0, Path(directory), memory_mb=1024)
        broker.start()
        try:
            kafka = KafkaSettings(broker.bootstrap_servers)
            admin = TopicAdmin(kafka)
            declared = load_topics(TOPICS_FILE)
            admin.apply(admin.plan(declared, [DOMAIN]))
            partitions = declared.expand([DOMAIN])[TOPIC].partitions
            asyncio.run(measure(kafka, args.events, args.clients, partitions))
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
