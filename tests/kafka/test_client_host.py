"""Clients over a real broker: they join, answer versions, trade priors, and outlive restarts."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import pytest
from tests.client.worlds import profile, rows

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.evaluation_host import EvaluationHost
from scarcity.client.gossip_payload import read_message
from scarcity.client.gossip_sealing import GroupSealing
from scarcity.client.outgoing import profile_record
from scarcity.client.peer_keys import PeerKeys
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.client.versions import parameters_event
from scarcity.events.codec import decode_json, decode_msgpack, encode_json, encode_msgpack
from scarcity.events.errors import BrokerError
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import Insight
from scarcity.events.topics import gossip_topic, insights_topic
from scarcity.events.types import Outgoing
from scarcity.keys.gossip_keys import keys_of_process
from scarcity.learning.initial import default_z

pytestmark = pytest.mark.kafka

SLOW = Pacing(interval_s=1000.0)
KEYS = keys_of_process("c")["c"]  # of all clients of these tests
Domain = str


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def parameters(domain: str, number: int) -> Outgoing:
    event = parameters_event(domain, domain, number, default_z(2), np.full(10, np.nan))
    return Outgoing("meta-parameters", domain.encode(), encode_msgpack(event))


def plans(domain: str, cycle: int, *names: str) -> list[Outgoing]:
    events = [
        GossipPlan(c, domain, cycle, "exchange", 0, [p for p in names if p != c]) for c in names
    ]
    return [Outgoing("gossip-plan", p.client_id.encode(), encode_json(p)) for p in events]


async def insights(broker: KafkaBroker, domain: str) -> list[Insight]:
    found = await broker.read_all(insights_topic(domain))
    return [decode_json(r.value, Insight) for r in found]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def client(address: str, domain: str, *names: str) -> AsyncIterator["asyncio.Task[None]"]:
    """A host with a producer of its own, as `scarcity client` runs it."""
    group = ClientGroup(profile(domain), {n: rows(i) for i, n in enumerate(names)})
    async with KafkaBroker(KafkaSettings(address), client_id=f"client-{names[0]}") as broker:
        keys = dict.fromkeys(names, KEYS)
        task = asyncio.create_task(ClientHost(broker, group, SLOW, now_ms=now_ms, keys=keys).run())
        try:
            yield task
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def broker(kafka_address: str) -> AsyncIterator[KafkaBroker]:
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        yield broker


@pytest.fixture
async def domain(broker: KafkaBroker, fresh_topics: Callable[[str], str]) -> Domain:
    name = fresh_topics("client")

    async def visible() -> bool:
        # A topic that was just made is known to the controller a moment before the broker.
        try:
            await broker.read_all(insights_topic(name))
            await broker.read_all(gossip_topic(name))
        except BrokerError:
            return False
        return True

    await until(visible)
    return name


async def test_a_client_joins_publishes_and_follows_a_new_version(
    broker: KafkaBroker, kafka_address: str, domain: Domain
) -> None:
    await broker.publish(parameters(domain, 0))
    async with client(kafka_address, domain, f"{domain}-a"):
        await until(lambda: answered(broker, domain, 0))
        await broker.publish(parameters(domain, 1))
        await until(lambda: answered(broker, domain, 1))
    later = (await insights(broker, domain))[-1]
    assert later.meta_version == 1
    assert all(e.previous_loss is not None for e in later.expert_insights.values())
    joined = {r.key for r in await broker.read_all("clients")}
    assert f"{domain}-a".encode() in joined
    headers = dict((await broker.read_all(insights_topic(domain)))[0].headers)
    assert headers["ce_type"] == b"scarcity.Insight.v1"


async def answered(broker: KafkaBroker, domain: str, version: int) -> bool:
    return any(i.meta_version == version for i in await insights(broker, domain))


async def test_two_clients_exchange_priors_through_the_topic_of_their_domain(
    broker: KafkaBroker, kafka_address: str, domain: Domain
) -> None:
    a, c = f"{domain}-a", f"{domain}-c"
    await broker.publish(parameters(domain, 0))
    async with client(kafka_address, domain, a), client(kafka_address, domain, c):
        for cycle in (1, 2, 3):
            await broker.publish(*plans(domain, cycle, a, c))
            await until(partial(traded, broker, domain, cycle))
    latest = {w.client_id: w for w in await weights(broker, domain)}
    assert all(latest[name].exchanges >= 1 for name in (a, c))
    # What went out is a prior near the server's: at most the clip of .3, and a level of int8.
    keys = {a: KEYS, c: KEYS}
    sealing = GroupSealing(keys, PeerKeys(domain, keys))
    for message in await weights(broker, domain):
        opened = read_message(sealing.open(message, a))
        assert np.linalg.norm(opened.deviation, axis=1).max() < 0.32


async def weights(broker: KafkaBroker, domain: str) -> list[GossipWeights]:
    found = await broker.read_all(gossip_topic(domain))
    return [decode_msgpack(r.value, GossipWeights) for r in found]


async def traded(broker: KafkaBroker, domain: str, cycle: int) -> bool:
    return sum(w.cycle == cycle for w in await weights(broker, domain)) == 2


async def test_a_restarted_client_goes_on_above_its_last_sequence(
    broker: KafkaBroker, kafka_address: str, domain: Domain
) -> None:
    await broker.publish(parameters(domain, 0))
    for count in (1, 2):
        async with client(kafka_address, domain, f"{domain}-a"):
            await until(partial(has, broker, domain, count))
    first, second = [i.sequence or 0 for i in await insights(broker, domain)]
    assert second > first


async def has(broker: KafkaBroker, domain: str, count: int) -> bool:
    return len(await insights(broker, domain)) >= count


async def test_a_client_outlives_a_restart_of_the_broker(own_kafka: EmbeddedKafka) -> None:
    address = own_kafka.bootstrap_servers
    async with client(address, "economic", "a") as host:
        async with KafkaBroker(KafkaSettings(address)) as broker:
            await broker.publish(parameters("economic", 0))
            await until(lambda: answered(broker, "economic", 0))
        await asyncio.to_thread(own_kafka.stop)
        await asyncio.sleep(1.0)
        assert not host.done()
        await asyncio.to_thread(own_kafka.start)
        async with KafkaBroker(KafkaSettings(address)) as broker:
            await broker.publish(parameters("economic", 1))
            await until(lambda: answered(broker, "economic", 1))
            sequences = [i.sequence for i in await insights(broker, "economic")]
    assert len(set(sequences)) == len(sequences)


async def test_new_clients_are_judged_and_publish_no_insight(
    broker: KafkaBroker, kafka_address: str, domain: Domain
) -> None:
    await broker.publish(profile_record(profile(domain), now_ms=0), parameters(domain, 0))
    held_out = {f"n{i}": rows(i, 10) for i in range(3)}
    host = EvaluationHost(broker, profile(domain), held_out, Pacing(interval_s=0.01), now_ms=now_ms)
    task = asyncio.create_task(host.run())
    try:
        await until(lambda: judged(broker, domain, 0))
        await broker.publish(parameters(domain, 1))
        await until(lambda: judged(broker, domain, 1))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await insights(broker, domain) == []


async def judged(broker: KafkaBroker, domain: str, version: int) -> bool:
    found = [decode_json(r.value, Evaluation) for r in await broker.read_all("evaluations")]
    return any((e.domain, e.version, e.clients) == (domain, version, 3) for e in found)
