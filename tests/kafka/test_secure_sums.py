"""Secure sums over a real broker: a member is killed in the middle of a round, and it is summed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.client.worlds import rows
from tests.kafka.crashing import ROOT, ended
from tests.kafka.dying_member import DEAD
from tests.kafka.meta_worker import MetaProcesses, ledger, until_version
from tests.secagg.kafka_profile import summed_profile

from scarcity import cli
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.outgoing import profile_record
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.topics import CLIENTS, insights_topic
from scarcity.secagg.notice import TURNED_OFF

pytestmark = pytest.mark.kafka

DOMAIN = "medical"
SURVIVORS = ("ward-a", "ward-b", "ward-c", "ward-d")
VICTIM = "ward-x"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def client(address: str, name: str, seed: int) -> AsyncIterator[None]:
    """A host with a producer of its own, as `scarcity client` runs it."""
    group = ClientGroup(summed_profile(DOMAIN, 5), {name: rows(seed)})
    async with KafkaBroker(KafkaSettings(address), client_id=name) as broker:
        task = asyncio.create_task(
            ClientHost(broker, group, Pacing(interval_s=1000.0), now_ms=now_ms).run()
        )
        try:
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def victim(address: str, log: Path) -> "subprocess.Popen[bytes]":
    """A process that dies after it has sent its shares of the second round."""
    command = [sys.executable, "-m", "tests.kafka.dying_member", address, DOMAIN, VICTIM, "2"]
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


async def joined(broker: KafkaBroker, many: int) -> None:
    while len({r.key for r in await broker.read_all(CLIENTS)}) < many:
        await asyncio.sleep(0.1)


def members(entry: LedgerEntry) -> int:
    return 0 if entry.sums is None else len(entry.sums.members)


@pytest.mark.timeout(240)
async def test_a_member_killed_after_sharing_costs_no_version_and_the_audit_makes_all_again(
    own_kafka: EmbeddedKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = own_kafka.bootstrap_servers
    settings = KafkaSettings(address)
    dying = victim(address, tmp_path / "victim.log")
    try:
        async with AsyncExitStack() as stack:
            processes = stack.enter_context(MetaProcesses(address, tmp_path))
            meta = processes.start()
            broker = await stack.enter_async_context(KafkaBroker(settings))
            for seed, name in enumerate(SURVIVORS):
                await stack.enter_async_context(client(address, name, seed))
            await joined(broker, len(SURVIVORS) + 1)
            await broker.publish(profile_record(summed_profile(DOMAIN, 5), now_ms=now_ms()))
            await until_version(settings, DOMAIN, 2)
            assert await ended(dying) == DEAD
            # Four are left: the next round asks for no more.
            await broker.publish(profile_record(summed_profile(DOMAIN, 4), now_ms=now_ms()))
            await until_version(settings, DOMAIN, 3)
            entries = await ledger(broker)
            insights = await broker.read_all(insights_topic(DOMAIN))
            assert TURNED_OFF in meta.log.read_text()
    finally:
        dying.kill()
        dying.wait()
    assert [(members(e), e.clients) for e in entries[:4]] == [(0, 0), (5, 5), (5, 4), (4, 4)]
    assert entries[2].closed_by == "deadline"
    assert insights == []
    words = ["audit", "verify", "--bootstrap-servers", address]
    assert await asyncio.to_thread(cli.main, words) == 0
    assert "every version recomputed, hashes equal" in capsys.readouterr().out
