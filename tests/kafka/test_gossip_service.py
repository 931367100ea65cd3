"""The planner's worker over a real broker, as a process of its own: plans, takes over, stops."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.gossip.test_members import registered, seen

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_json
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.types import Outgoing, Record

pytestmark = pytest.mark.kafka


def start(address: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "scarcity.cli", "run", "gossip", "--bootstrap-servers", address],
        env={**os.environ, "SCARCITY_GOSSIP_CYCLE_S": "0.5"},
    )


def again(record: Record) -> Outgoing:
    return Outgoing(record.position.topic, record.key, record.value)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(90):
        while not await condition():
            await asyncio.sleep(0.2)


async def plans(broker: KafkaBroker, client: str) -> list[GossipPlan]:
    found = await broker.read_all("gossip-plan")
    return [decode_json(r.value, GossipPlan) for r in found if r.key == client.encode()]


@pytest.fixture
async def broker(own_kafka: EmbeddedKafka) -> AsyncIterator[KafkaBroker]:
    async with KafkaBroker(KafkaSettings(own_kafka.bootstrap_servers)) as broker:
        yield broker


async def test_it_plans_goes_on_after_a_kill_and_stops_when_told(
    own_kafka: EmbeddedKafka, broker: KafkaBroker
) -> None:
    trading = (registered("a"), registered("c"), seen("a"), seen("c"))
    for each in (*trading, registered("b", "medical")):
        await broker.publish(again(each))
    worker = start(own_kafka.bootstrap_servers)
    try:
        await until(lambda: planned(broker, "a", 2))
        worker.kill()
        worker.wait(10)
        cycle = max(p.cycle for p in await plans(broker, "a"))
        worker = start(own_kafka.bootstrap_servers)
        await until(lambda: planned(broker, "a", cycle + 1))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    finally:
        worker.kill()
        worker.wait(10)
    of_a = await plans(broker, "a")
    assert [p.cycle for p in of_a] == list(range(1, len(of_a) + 1))
    assert {tuple(p.peers) for p in of_a} == {("c",)}
    (waiting,) = await plans(broker, "b")
    assert waiting.status == "waiting"


async def planned(broker: KafkaBroker, client: str, cycle: int) -> bool:
    return any(p.cycle >= cycle for p in await plans(broker, client))
