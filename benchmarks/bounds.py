"""What the memory service takes at most: restores, floods of new ids, back-pressure, a stop.

    python -m benchmarks.bounds [--rows 'restore*'] [--quick]

Every row starts a broker of its own in a temporary directory; the workers are processes as
`scarcity run memory` starts them. Resident sizes are of the worker's process.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic

from aiokafka import AIOKafkaProducer, TopicPartition

from benchmarks.fold.insights import DOMAIN, TOPIC, insights
from benchmarks.memory_workers import LOOK_S, broker, workers
from benchmarks.tables import Figure, Figures, Row, Table, Target, main
from scarcity.broker.bulk import BATCH_BYTES, send_in_bulk
from scarcity.broker.groups import committed_offsets
from scarcity.broker.kafka import KafkaBroker, high_watermarks
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import GLOBAL_MEMORY
from scarcity.events.types import Outgoing, Position, Record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.service import GROUP

PARTITIONS = 3
MANY, QUICK_MANY = 1_000_000, 20_000
BOUND, CURVE_S = 10_000, 1800.0
EXPERT = b'{"expert_0":{"loss":0.5,"samples":8}}'


@asynccontextmanager
async def bulk_producer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for whole batches."""
    producer = AIOKafkaProducer(**kafka.producer_options(), max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def restore_row(clients: int, quick: bool) -> Figures:
    """A worker that starts and finds so many clients in `global-memory`."""
    return asyncio.run(_restore(QUICK_MANY if quick else clients))


async def _restore(clients: int) -> Figures:
    with broker() as kafka:
        # A broker's first transaction makes it create a topic: not part of a restore.
        with workers(kafka, 1, BOUND) as (first,):
            await first.until_told("owns partitions")
        await _write_memory(kafka, clients)
        began = monotonic()
        with workers(kafka, 1, 2 * clients) as (worker,):
            told = await worker.until_told(r"restored (\d+) clients in ([\d.]+) s")
            return {
                "clients": float(told[1]),
                "restore, s": float(told[2]),
                "start to fold, s": monotonic() - began,
                "peak, GB": worker.memory_mb("VmHWM") / 1e3,
            }


async def _write_memory(kafka: KafkaSettings, clients: int) -> None:
    memory = GlobalMemory(2 * clients + 10, partitions=PARTITIONS)
    offsets = [0] * PARTITIONS
    async with bulk_producer(kafka) as producer:
        records: list[Record] = []
        for number, key, value in insights(clients, clients):
            place = number % PARTITIONS
            position = Position(TOPIC, place, offsets[place])
            offsets[place] += 1
            records.append(Record(position, key, value, timestamp_ms=0))
            if len(records) == 10_000 or number == clients - 1:
                changed = memory.fold(records).changed
                records = []
                for place in range(PARTITIONS):
                    some = [out for out in changed if out.partition == place]
                    await asyncio.gather(*await send_in_bulk(producer, GLOBAL_MEMORY, place, some))


def _new_ids(first: int, count: int) -> list[tuple[bytes, bytes]]:
    made = []
    for number in range(first, first + count):
        name = b"id-%09d" % number
        value = (
            b'{"client_id":"%b","expert_insights":%b,"avg_loss":0.5,"total_samples":8,'
            b'"domain":"%b","sequence":1,"schema_version":"1.0"}' % (name, EXPERT, DOMAIN.encode())
        )
        made.append((name, value))
    return made


def flood_row(quick: bool) -> Figures:
    """Ever new ids at full speed: what stays resident."""
    return asyncio.run(_flood(10.0 if quick else CURVE_S))


async def _flood(seconds: float) -> Figures:
    with broker() as kafka, workers(kafka, 1, BOUND) as (worker,):
        await worker.until_told("owns partitions")
        began, sent, sizes = monotonic(), 0, dict[str, Figure]()
        looks = [seconds * share for share in (0.1, 0.25, 0.5, 0.75, 1.0)]
        async with bulk_producer(kafka) as producer:
            while looks:
                some = _new_ids(sent, 6000)
                for place in range(PARTITIONS):
                    out = [Outgoing(TOPIC, k, v) for k, v in some[place::PARTITIONS]]
                    await asyncio.gather(*await send_in_bulk(producer, TOPIC, place, out))
                sent += len(some)
                await _until_within(kafka, 50_000)
                if monotonic() - began >= looks[0]:
                    sizes[f"MB after {looks.pop(0):.0f} s"] = worker.memory_mb()
        await _until_within(kafka, 0)
        first, *_, last = (float(size) for size in sizes.values() if isinstance(size, float))
        return {
            "new ids": float(sent),
            "new ids/s": sent / (monotonic() - began),
            **sizes,
            "last : first": last / first,
        }


async def _lag(kafka: KafkaSettings) -> int:
    wanted = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    done = await committed_offsets(kafka, GROUP)
    ends = await high_watermarks(kafka, set(wanted))
    return sum(ends[tp] - done.get(tp, 0) for tp in wanted)


async def _until_within(kafka: KafkaSettings, most: int) -> None:
    while await _lag(kafka) > most:
        await asyncio.sleep(LOOK_S)


def pressure_row(quick: bool) -> Figures:
    """Everything is published at once; the fold takes its time."""
    return asyncio.run(_pressure(QUICK_MANY if quick else 500_000))


async def _pressure(events: int) -> Figures:
    with broker() as kafka, workers(kafka, 1, 100_000) as (worker,):
        await worker.until_told("owns partitions")
        worker.process.send_signal(signal.SIGSTOP)  # as slow as can be while the flood comes
        began = monotonic()
        async with bulk_producer(kafka) as producer:
            batches: list[list[Outgoing]] = [[] for _ in range(PARTITIONS)]
            for number, key, value in insights(events, 10_000):
                batches[number % PARTITIONS].append(Outgoing(TOPIC, key, value))
                if number % 1000 == 999:
                    await _send(producer, batches)
            await _send(producer, batches)
        published_s, most = monotonic() - began, await _lag(kafka)
        worker.process.send_signal(signal.SIGCONT)
        began = monotonic()
        await _until_within(kafka, 0)
        folded_s = monotonic() - began
        async with KafkaBroker(kafka) as connected:
            records = await connected.read_all(GLOBAL_MEMORY)
        counted = {r.key: int(re.findall(rb'"accepted":(\d+)', r.value or b"")[0]) for r in records}
        return {
            "published/s": events / published_s,
            "folded/s": events / folded_s,
            "largest lag": float(most),
            "lost": float(events - sum(counted.values())),
            "lag at the end": float(await _lag(kafka)),
            "peak, MB": worker.memory_mb("VmHWM"),
        }


async def _send(producer: AIOKafkaProducer, batches: Sequence[list[Outgoing]]) -> None:
    for place, some in enumerate(batches):
        await asyncio.gather(*await send_in_bulk(producer, TOPIC, place, some))
        some.clear()


def stop_row(quick: bool) -> Figures:
    """One of two workers is stopped as planned while insights come: the longest silence."""
    return asyncio.run(_stop(2 if quick else 5))


async def _stop(times: int) -> Figures:
    pauses = [await _pause() for _ in range(times)]
    return {"longest pause, s": max(pauses), "shortest": min(pauses)}


async def _pause() -> float:
    with broker() as kafka, workers(kafka, 2, BOUND) as (leaving, _staying):
        await leaving.until_told(r"owns partitions \[\d+(, \d+)?\]")
        async with bulk_producer(kafka) as producer:
            stop_at, ends_at, sent = monotonic() + 3, monotonic() + 12, 0
            seen, longest = monotonic(), 0.0
            is_stopped = False
            while monotonic() < ends_at:
                some = _new_ids(sent, 30)
                for place in range(PARTITIONS):
                    out = [Outgoing(TOPIC, k, v) for k, v in some[place::PARTITIONS]]
                    await asyncio.gather(*await send_in_bulk(producer, TOPIC, place, out))
                sent += len(some)
                if not is_stopped and monotonic() > stop_at:
                    leaving.process.terminate()
                    is_stopped = True
                # An insight waits as long as the lag stays above what was sent just now.
                if await _lag(kafka) <= len(some):
                    seen = monotonic()
                longest = max(longest, monotonic() - seen)
                await asyncio.sleep(LOOK_S)
            return longest


TABLE = Table(
    name="bounds",
    title="Bounds of the memory service",
    about=f"""
Records of `global-memory` are of clients with ten experts and slopes (3 kB). `flood`: ids that
were never seen, one expert each, as fast as one producer and one worker go together, with room for
{BOUND} clients a domain; resident size over {CURVE_S / 60:.0f} minutes. `back-pressure`: the worker
is stopped while everything is published, then goes on. `planned stop`: one of two workers ends by
SIGTERM while insights come to all partitions; the longest time in which the fold did not keep up.
""",
    rows=(
        Row("restore, 10 000 clients", partial(restore_row, 10_000)),
        Row(
            "restore, 1 000 000 clients",
            partial(restore_row, MANY),
            (Target("restore, s", 15.0), Target("peak, GB", 3.5)),
            {"restore, s": 7.0, "peak, GB": 3.3},
            in_quick=True,
        ),
        Row("flood of new ids", flood_row, (Target("last : first", 1.1),), in_quick=True),
        Row(
            "back-pressure",
            pressure_row,
            (Target("lost", 0.0), Target("lag at the end", 0.0)),
            in_quick=True,
        ),
        Row("planned stop", stop_row, (Target("longest pause, s", 3.0),), in_quick=True),
    ),
)

if __name__ == "__main__":
    main("benchmarks.bounds", [TABLE])
