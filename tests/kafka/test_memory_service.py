import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from tests.kafka.memory_worker import start_worker, until_folded, until_there, worker
from tests.memory.insights import insight

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.groups import committed_offsets
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import ServiceError
from scarcity.events.topics import DEAD_LETTERS, GLOBAL_MEMORY, insights_topic
from scarcity.events.types import Outgoing, Position
from scarcity.memory.global_memory import FoldResult, GlobalMemory
from scarcity.memory.service import GROUP, FoldWorker
from scarcity.memory.settings import MemorySettings

pytestmark = pytest.mark.kafka

TOPICS_FILE = Path(__file__).parents[2] / "topics.yaml"
DOMAINS = ("economic", "medical")
TOPICS = tuple(map(insights_topic, DOMAINS))


def wave(number: int, size: int) -> list[Outgoing]:
    """Insights of 300 clients; some repeated, some broken."""
    draw = random.Random(number)
    outgoing = []
    for _ in range(size):
        domain = draw.choice(DOMAINS)
        client = f"client-{draw.randrange(300)}"
        told = insight(client, draw.random(), domain=domain, sequence=draw.randrange(10 * number))
        broken = draw.random() < 0.02
        value = b"{" if broken else orjson.dumps(told)
        outgoing.append(Outgoing(insights_topic(domain), client.encode(), value))
    return outgoing


async def offline_fold(kafka: KafkaSettings) -> tuple[FoldResult, dict[bytes | None, bytes]]:
    """Fold the logs in one piece; also the values as a compacted topic keeps them."""
    async with KafkaBroker(kafka) as broker:
        logs = [record for topic in TOPICS for record in await broker.read_all(topic)]
    memory = GlobalMemory(MemorySettings().max_insights, partitions=3)
    result = memory.fold(logs)
    return result, {out.key: out.value or b"" for out in result.changed}


def places(letters: Sequence[Outgoing]) -> list[Position]:
    told = [dict(letter.headers) for letter in letters]
    return sorted(
        Position(t["dl_topic"].decode(), int(t["dl_partition"]), int(t["dl_offset"])) for t in told
    )


async def assert_equal_to_the_offline_fold(kafka: KafkaSettings) -> None:
    await until_folded(kafka.bootstrap_servers, *TOPICS)
    result, expected = await offline_fold(kafka)
    compacted = await latest_by_key(kafka, GLOBAL_MEMORY)
    assert {key: record.value for key, record in compacted.items()} == expected
    partitions = {out.key: out.partition for out in result.changed}
    assert {k: r.position.partition for k, r in compacted.items()} == partitions
    async with KafkaBroker(kafka) as broker:
        letters = await broker.read_all(DEAD_LETTERS)
    found = [Outgoing(DEAD_LETTERS, r.key, r.value, r.headers) for r in letters]
    assert places(found) == places(result.dead_letters)


async def test_workers_killed_by_force_leave_what_an_undisturbed_fold_would(
    own_kafka: EmbeddedKafka,
) -> None:
    kafka = KafkaSettings(own_kafka.bootstrap_servers)
    address = kafka.bootstrap_servers
    workers = [start_worker(address), start_worker(address)]
    publishing = asyncio.create_task(publish_waves(kafka, killing := asyncio.Event()))
    try:
        while len(await committed_offsets(KafkaSettings(address), GROUP)) < 6:
            await asyncio.sleep(0.1)
        for victim in workers[:]:
            before = sum((await committed_offsets(KafkaSettings(address), GROUP)).values())
            while sum((await committed_offsets(KafkaSettings(address), GROUP)).values()) == before:
                await asyncio.sleep(0.01)
            victim.kill()
            victim.wait()
            workers.append(start_worker(address))
        killing.set()
        await publishing
        await assert_equal_to_the_offline_fold(kafka)
        assert [worker.poll() for worker in workers[2:]] == [None, None]
    finally:
        for process in workers:
            process.kill()
            process.wait()


async def publish_waves(kafka: KafkaSettings, killing: asyncio.Event) -> None:
    """A stream that goes on while workers are killed, and for some waves more."""
    async with KafkaBroker(kafka) as broker:
        number = 0
        while not killing.is_set():
            number += 1
            await broker.publish(*wave(number, 200))
            await asyncio.sleep(0.05)
        for last in range(number, number + 5):
            await broker.publish(*wave(last, 1000))


async def test_a_broker_that_restarts_costs_nothing(own_kafka: EmbeddedKafka) -> None:
    kafka = KafkaSettings(own_kafka.bootstrap_servers)
    with worker(kafka.bootstrap_servers):
        async with KafkaBroker(kafka) as broker:
            await broker.publish(*wave(1, 2000))
        await asyncio.to_thread(own_kafka.stop)
        await asyncio.to_thread(own_kafka.start)
        async with KafkaBroker(kafka) as broker:
            await broker.publish(*wave(2, 2000))
        await assert_equal_to_the_offline_fold(kafka)


async def test_a_domain_that_appears_later_is_found_and_unequal_partitions_end_the_worker(
    own_kafka: EmbeddedKafka,
) -> None:
    kafka = KafkaSettings(own_kafka.bootstrap_servers)
    fold = FoldWorker(kafka, MemorySettings())
    running = asyncio.create_task(fold.run(lambda: False))
    admin = TopicAdmin(kafka)
    declared = load_topics(TOPICS_FILE).expand()[TOPICS[0]]
    admin.create({"insights.late": declared})
    await until_there(kafka.bootstrap_servers, "insights.late")
    async with KafkaBroker(kafka) as broker:
        value = orjson.dumps(insight("shop-1", domain="late"))
        await broker.publish(Outgoing("insights.late", b"shop-1", value))
    await until_folded(kafka.bootstrap_servers, "insights.late")
    admin.create({"insights.wide": replace(declared, partitions=5)})
    with pytest.raises(ServiceError, match=r"insights.wide.*5.*topics.yaml"):
        await running


async def test_a_fenced_worker_ends_and_its_batch_is_not_seen(own_kafka: EmbeddedKafka) -> None:
    kafka = KafkaSettings(own_kafka.bootstrap_servers)
    fold = FoldWorker(kafka, MemorySettings())
    running = asyncio.create_task(fold.run(lambda: False))
    told = Outgoing(TOPICS[0], b"shop-1", orjson.dumps(insight("shop-1", domain=DOMAINS[0])))
    async with KafkaBroker(kafka) as broker:
        await broker.publish(told)
        await until_folded(kafka.bootstrap_servers, *TOPICS)
        (before,) = await broker.read_all(GLOBAL_MEMORY)
        usurper = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers,
            transactional_id=f"memory-{before.position.partition}",
        )
        await usurper.start()
        await broker.publish(told)
        with pytest.raises(ServiceError, match="another process took over"):
            await running
        await usurper.stop()
        assert await broker.read_all(GLOBAL_MEMORY) == [before]
