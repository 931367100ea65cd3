"""A Faust worker over our settings: read committed, waits for the broker, stops cleanly."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from tests.broker.behaviour import closing, take

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import command_line
from scarcity.broker.settings import BOOTSTRAP_SERVERS_KEY, KafkaSettings
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("forwarding_worker.py")
# Its end would wait for a service that never ends, as Faust's consumer thread sometimes does.
STUCK = """
import asyncio
from functools import partial
from mode import Service
from tests.kafka.forwarding_worker import app
from scarcity.broker import faust_app
faust_app.leave_in_any_case = partial(faust_app.leave_in_any_case, within_s=0.1)

@app.service
class Stuck(Service):
    async def on_stop(self):
        await asyncio.Event().wait()

    @Service.task
    async def work(self):
        {work}

faust_app.run_app(app)
"""


@pytest.fixture
def worker(own_kafka: EmbeddedKafka, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, str(WORKER)],
        env={**os.environ, BOOTSTRAP_SERVERS_KEY: own_kafka.bootstrap_servers},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        print(started.communicate()[1])


async def test_an_agent_sees_committed_records_only(
    own_kafka: EmbeddedKafka, worker: subprocess.Popen[str]
) -> None:
    settings = KafkaSettings(own_kafka.bootstrap_servers)
    producer = AIOKafkaProducer(**settings.producer_options(), transactional_id="t")
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait("clients", key=b"a", value=b"aborted")
    await producer.abort_transaction()
    async with producer.transaction():
        await producer.send_and_wait("clients", key=b"a", value=b"committed")
    await producer.stop()
    async with (
        KafkaBroker(settings) as broker,
        closing(broker.stream("gossip-plan")) as stream,
    ):
        assert [r.value for r in await take(stream, 1)] == [b"committed"]


async def test_a_worker_survives_a_broker_that_is_killed_and_then_stops_cleanly(
    own_kafka: EmbeddedKafka, worker: subprocess.Popen[str], tmp_path: Path
) -> None:
    settings = KafkaSettings(own_kafka.bootstrap_servers)
    async with (
        KafkaBroker(settings) as broker,
        closing(broker.stream("gossip-plan")) as stream,
    ):
        await broker.publish(Outgoing("clients", b"a", b"1"))
        assert [r.value for r in await take(stream, 1)] == [b"1"]
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.to_thread(own_kafka.start)
        await broker.publish(Outgoing("clients", b"a", b"2"))
        # At least once: the first may come again, since its offset was not committed yet.
        while (await take(stream, 1))[-1].value != b"2":
            pass
    worker.send_signal(signal.SIGTERM)
    _, said = await asyncio.to_thread(worker.communicate, timeout=10)
    assert worker.returncode == 0
    assert "Traceback" not in said
    assert not list(tmp_path.glob("*-data"))  # Faust leaves no directory behind


async def test_a_worker_that_starts_before_the_broker_says_so_and_waits(
    own_kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    address = own_kafka.bootstrap_servers
    await asyncio.to_thread(own_kafka.stop)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WORKER),
        env={**os.environ, BOOTSTRAP_SERVERS_KEY: address},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        assert "scarcity-forwarder" in line
        assert "scarcity broker start" in line
        assert command_line(process.pid)
        await asyncio.to_thread(own_kafka.start)
        settings = KafkaSettings(address)
        async with (
            KafkaBroker(settings) as broker,
            closing(broker.stream("gossip-plan")) as stream,
        ):
            await broker.publish(Outgoing("clients", b"a", b"1"))
            assert [r.value for r in await take(stream, 1)] == [b"1"]
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    "work", ["raise RuntimeError", "import os; os.kill(os.getpid(), 15)"], ids=["crash", "SIGTERM"]
)
async def test_a_worker_that_cannot_stop_leaves_all_the_same_and_says_so(
    kafka: EmbeddedKafka, work: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STUCK.format(work=work),
        env={**os.environ, BOOTSTRAP_SERVERS_KEY: kafka.bootstrap_servers},
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"did not stop within 0.1 s" in said
