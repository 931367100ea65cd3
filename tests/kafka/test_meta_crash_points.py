"""A meta worker dies, or sleeps, between two steps: no version is lost, made twice or forked."""

import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.kafka import crashing
from tests.kafka.meta_worker import (
    HandFedMemory,
    MetaProcesses,
    assert_each_insight_was_used_once,
    assert_one_chain,
    ledger,
    until_version,
)
from tests.meta.feeding import profile

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.meta.steps import Step

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(170)]

POLICY = RoundPolicy(min_clients=2, quorum=1.0, deadline_s=600.0)
CLIENTS = ("a", "b", "c", "d")
USED = {0: 2, 1: 1, 2: 1}  # insights of one wave, by partition
DOMAIN = "retail"

Start = Callable[[Step | None, str], subprocess.Popen[bytes]]


@pytest.fixture
def start(own_kafka: EmbeddedKafka, tmp_path: Path) -> Iterator[Start]:
    """Start a worker; all are gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one(step: Step | None = None, what: str = "die") -> subprocess.Popen[bytes]:
        log = tmp_path / f"{len(started)}.log"
        address = own_kafka.bootstrap_servers
        started.append(crashing.start(address, "meta", step, what, log=log))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
async def broker(own_kafka: EmbeddedKafka) -> AsyncIterator[KafkaBroker]:
    async with KafkaBroker(KafkaSettings(own_kafka.bootstrap_servers)) as connected:
        yield connected


async def begin(broker: KafkaBroker, settings: KafkaSettings, directory: Path) -> HandFedMemory:
    """A domain with its version 0, and no worker."""
    feed = HandFedMemory(broker, DOMAIN)
    await feed.declare(profile(DOMAIN, policy=POLICY))
    with MetaProcesses(settings.bootstrap_servers, directory) as meta:
        meta.start()
        await until_version(settings, DOMAIN, 0)
    return feed


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_workers_that_die_after_each_step_cost_no_version(
    own_kafka: EmbeddedKafka, broker: KafkaBroker, start: Start, tmp_path: Path
) -> None:
    settings = KafkaSettings(own_kafka.bootstrap_servers)
    feed = await begin(broker, settings, tmp_path)
    for number, step in enumerate(Step):
        await feed.tell(CLIENTS, number, number, now_ms())
        assert await crashing.ended(start(step, "die")) == crashing.DEAD, step
        after = start(None, "die")
        found = await until_version(settings, DOMAIN, number + 1)
        assert found.version == number + 1, step
        after.kill()
        await crashing.ended(after)
    entries = await ledger(broker)
    assert_one_chain(entries)
    assert len(entries) == 1 + len(Step)
    waves = len(Step)
    assert_each_insight_was_used_once(entries, {p: waves * n for p, n in USED.items()})


async def test_a_sleeper_that_wakes_after_another_took_over_writes_nothing_of_what_it_had_learned(
    own_kafka: EmbeddedKafka, broker: KafkaBroker, start: Start, tmp_path: Path
) -> None:
    settings = KafkaSettings(own_kafka.bootstrap_servers)
    feed = await begin(broker, settings, tmp_path)
    await feed.tell(CLIENTS, 0, 0, now_ms())
    sleeper = start(Step.LEARNED, "stop")
    await crashing.until_stopped(sleeper)
    start(None, "die")
    await until_version(settings, DOMAIN, 1)
    sleeper.send_signal(signal.SIGCONT)
    await crashing.until_it_lost_its_term(sleeper, tmp_path / "0.log")
    await feed.tell(CLIENTS, 1, 1, now_ms())
    await until_version(settings, DOMAIN, 2)
    entries = await ledger(broker)
    assert_one_chain(entries)
    assert [entry.version for entry in entries] == [0, 1, 2]
    assert_each_insight_was_used_once(entries, {p: 2 * n for p, n in USED.items()})
