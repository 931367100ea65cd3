import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer
from tests.kafka.meta_worker import (
    HandFedMemory,
    MetaProcess,
    MetaProcesses,
    assert_each_insight_was_used_once,
    assert_one_chain,
    ledger,
    until_version,
)
from tests.meta.feeding import profile

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_msgpack
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import DEAD_LETTERS, DOMAINS, LEDGER, META_STATE
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka

POLICY = RoundPolicy(min_clients=2, quorum=1.0, deadline_s=600.0)
CLIENTS = ("a", "b", "c", "d")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Stage(NamedTuple):
    """A worker at work on a domain whose memory the test feeds by hand."""

    settings: KafkaSettings
    meta: MetaProcesses
    worker: MetaProcess
    broker: KafkaBroker
    feed: HandFedMemory


@pytest.fixture
async def stage(own_kafka: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    settings = KafkaSettings(own_kafka.bootstrap_servers)
    with MetaProcesses(settings.bootstrap_servers, tmp_path) as meta:
        worker = meta.start()
        async with KafkaBroker(settings) as broker:
            feed = HandFedMemory(broker, "retail")
            await feed.declare(profile("retail", policy=POLICY))
            yield Stage(settings, meta, worker, broker, feed)


@pytest.mark.timeout(90)
async def test_rounds_go_on_when_the_writer_is_killed_and_a_standby_takes_over(
    stage: Stage,
) -> None:
    running = [stage.worker, stage.meta.start()]
    await until_version(stage.settings, "retail", 0)
    for version in range(3):
        await stage.feed.tell(CLIENTS, version, version, now_ms())
        found = await until_version(stage.settings, "retail", version + 1)
    # Whichever writes: the first kill is of the writer, or the second is.
    for victim, version in ((0, 3), (1, 4)):
        running[victim].kill()
        stage.meta.start()
        await stage.feed.tell(CLIENTS, version, version, now_ms())
        found = await until_version(stage.settings, "retail", version + 1)
    entries = await ledger(stage.broker)
    assert_one_chain(entries)
    assert_each_insight_was_used_once(entries, {0: 10, 1: 5, 2: 5})
    assert found.ledger_hash == entries[-1].hash()
    assert len(entries) == 6


@pytest.mark.timeout(90)
async def test_a_broker_that_restarts_costs_no_version(
    stage: Stage, own_kafka: EmbeddedKafka
) -> None:
    await stage.feed.tell(CLIENTS, 0, 0, now_ms())
    await until_version(stage.settings, "retail", 1)
    await asyncio.to_thread(own_kafka.stop)
    await asyncio.to_thread(own_kafka.start)
    await stage.feed.tell(CLIENTS, 1, 1, now_ms())
    await until_version(stage.settings, "retail", 2)
    entries = await ledger(stage.broker)
    stage.worker.process.terminate()
    assert await stage.worker.exit_code() == 0
    assert_one_chain(entries)
    assert_each_insight_was_used_once(entries, {0: 4, 1: 2, 2: 2})


@pytest.mark.timeout(90)
async def test_a_fenced_writer_ends_with_an_error_and_what_it_wrote_is_never_seen(
    stage: Stage,
) -> None:
    await until_version(stage.settings, "retail", 0)
    usurper = AIOKafkaProducer(**stage.settings.producer_options(), transactional_id="meta")
    await usurper.start()
    await stage.feed.tell(CLIENTS, 0, 0, now_ms())
    assert await stage.worker.exit_code() == 1
    told = stage.worker.log.read_text()
    assert "another process took over the transactional id" in told
    assert "Traceback" not in told

    # The usurper dies in the middle of a version: a transaction that nobody ends.
    await usurper.begin_transaction()
    await usurper.send_and_wait(LEDGER, key=b"retail", value=b'{"half": "a version"}')
    await usurper.send_and_wait(META_STATE, key=b"*", value=b"half a state")
    stage.meta.start()
    await until_version(stage.settings, "retail", 1)
    entries = await ledger(stage.broker)
    assert_one_chain(entries)
    states = await latest_by_key(stage.settings, META_STATE)
    writer = decode_msgpack(states[b"*"].value, MetaState)
    assert (writer.ledger_hash, writer.ledger_length) == (entries[-1].hash(), 2)
    await usurper.stop()


@pytest.mark.timeout(60)
async def test_a_domain_below_min_clients_waits_and_the_log_says_so(stage: Stage) -> None:
    await stage.feed.tell(CLIENTS[:1], 0, 0, now_ms())
    await stage.worker.until_told("domain retail waits for clients: 1 of at least 2")
    assert [e.version for e in await ledger(stage.broker)] == [0]


@pytest.mark.timeout(90)
async def test_a_profile_that_cannot_be_read_is_parked_and_rounds_go_on(stage: Stage) -> None:
    await until_version(stage.settings, "retail", 0)
    await stage.broker.publish(Outgoing(DOMAINS, b"broken", b'{"domain": "broken"}'))
    await stage.feed.tell(CLIENTS, 0, 0, now_ms())
    await until_version(stage.settings, "retail", 1)
    parked = await stage.broker.read_all(DEAD_LETTERS)
    assert [(r.key, r.value) for r in parked] == [(b"broken", b'{"domain": "broken"}')]
    assert dict(parked[0].headers)["dl_stage"] == b"meta.observe"
