"""A memory worker dies, or sleeps, between two steps: the end is that of an undisturbed fold."""

import asyncio
import random
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson
import pytest
from chaos.checks import Check
from chaos.fold_check import check_fold, fold_offline, read_logs
from tests.kafka import crashing
from tests.kafka.memory_worker import until_folded
from tests.memory.insights import insight

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import insights_topic
from scarcity.events.types import Outgoing
from scarcity.memory.steps import Step

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(90)]

TOPIC = insights_topic("economic")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for the module: each test adds to the same logs, and compares all of them."""
    broker = EmbeddedKafka(0, tmp_path_factory.mktemp("crash"), memory_mb=256)
    broker.start()
    try:
        admin = TopicAdmin(KafkaSettings(broker.bootstrap_servers))
        admin.create(load_topics(crashing.ROOT / "topics.yaml").expand())
        yield broker.bootstrap_servers
    finally:
        broker.stop()


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(address: str, tmp_path: Path) -> Iterator[Start]:
    """Start a worker; all are gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one(step: Step | None = None, what: str = "die", *more: str) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{len(started)}.log"
        started.append(crashing.start(address, "memory", step, what, *more, log=log))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


async def publish_wave(address: str, seed: int, *, partition: int | None = None) -> None:
    draw = random.Random(seed)
    outgoing = []
    for number in range(150):
        client = f"c{draw.randrange(40)}"
        told = insight(client, draw.random(), domain="economic", sequence=1000 * seed + number)
        value = b"{" if draw.random() < 0.05 else orjson.dumps(told)
        outgoing.append(Outgoing(TOPIC, client.encode(), value, partition=partition))
    async with KafkaBroker(KafkaSettings(address)) as broker:
        await broker.publish(*outgoing)


async def compared(address: str, *, numbers: Iterable[int] = range(3)) -> list[Check]:
    """Compare everything, once these partitions are folded to their ends."""
    await until_folded(address, TOPIC, numbers=numbers)
    logs = await read_logs(KafkaSettings(address), [TOPIC])
    return await check_fold(KafkaSettings(address), fold_offline(logs, 3))


async def until_it_owns(log: Path) -> None:
    """Return once the worker of that log has taken its partitions over."""
    while "owns partitions" not in log.read_text():
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("step", Step)
async def test_a_worker_that_dies_after_a_step_leaves_what_an_undisturbed_one_would(
    address: str, start: Start, tmp_path: Path, step: Step
) -> None:
    await publish_wave(address, 1 + step.value)
    assert await crashing.ended(start(step)) == crashing.DEAD
    after = start()
    await until_it_owns(tmp_path / "1.log")
    checks = await compared(address)
    assert after.poll() is None
    assert [text for check in checks for text in check.wrong] == []
    assert min(check.compared for check in checks) > 0
    after.terminate()
    assert await crashing.ended(after) == 0


async def sleeps_while_another_takes_over(
    address: str, start: Start, seed: int, fences: tuple[str, str]
) -> None:
    """A worker sleeps between fold and transaction, beyond its session, and others go on.

    When it wakes, it commits what it held and dies, or it is fenced; then more insights come.
    """
    await publish_wave(address, seed, partition=0)
    sleeper = start(Step.FOLDED, "stop", fences[0])
    await crashing.until_stopped(sleeper)
    other = start(None, "", fences[1])
    await until_folded(address, TOPIC)
    await publish_wave(address, seed + 1, partition=0)
    await until_folded(address, TOPIC)
    sleeper.send_signal(signal.SIGCONT)
    assert await crashing.ended(sleeper) == (1 if fences[0] == fences[1] else crashing.DEAD)
    await publish_wave(address, seed + 2, partition=1)
    await until_folded(address, TOPIC, numbers=[1])
    assert other.poll() is None


async def test_a_sleeper_that_wakes_after_another_took_over_is_fenced_and_changes_nothing(
    address: str, start: Start, tmp_path: Path
) -> None:
    fences = ("memory", "memory")
    await sleeps_while_another_takes_over(address, start, 50, fences)
    checks = await compared(address)
    assert [text for check in checks for text in check.wrong] == []
    assert "another process took over the transactional id" in (tmp_path / "0.log").read_text()


async def test_without_fencing_the_comparison_finds_what_the_sleeper_spoils(
    address: str, start: Start
) -> None:
    """The suite bites: ids of each worker's own, and the same night ends with other records."""
    fences = ("sleeper", "other")
    await sleeps_while_another_takes_over(address, start, 60, fences)
    # The sleeper sets the group's offset of partition 0 back too: it never comes to its end.
    _memory, dead_letters = await compared(address, numbers=[1, 2])
    # Older records of clients lie above newer ones only until the group deals anew: then the other
    # goes on from them, and from the older offset. What both had seen stays parked twice.
    assert dead_letters.wrong
