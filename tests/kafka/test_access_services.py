"""The rights that topics.yaml gives are enough: everyone takes part in a round under them."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Collection, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.kafka.secured import Secured, secured_broker

from scarcity.broker.following import follow
from scarcity.broker.process import free_port
from scarcity.cli import main

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

PROFILE = """\
domain: economic
family: economic
features: [{name: a, center: 0, scale: 1}, {name: b, center: 0, scale: 1}]
target: {name: y, center: 0, scale: 1}
privacy: open
support_rows: 3
policy: {mode: sync, min_clients: 2, quorum: 1.0, deadline_s: 5}
"""
ROWS = "shop,a,b,y\n" + "".join(f"s{i % 3},{i},{i % 3},{2 * i}\n" for i in range(18))


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    """A broker of its own: the matrix fills the topics of the session's with what is no event."""
    with secured_broker(tmp_path) as broker:
        yield broker


class Running:
    """Processes that each log in as a user of their own."""

    def __init__(self, secured: Secured, directory: Path) -> None:
        self._secured = secured
        self._directory = directory
        self._more = {
            "SCARCITY_GOSSIP_CYCLE_S": "0.5",
            "SCARCITY_MONITOR_PORT": str(free_port()),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, user: str, *command: str) -> None:
        with self.log(user).open("wb") as log:
            self.processes[user] = subprocess.Popen(
                [sys.executable, "-m", "scarcity.cli", *command],
                env=self._secured.process_environment(user, **self._more),
                stdout=log,
                stderr=log,
            )

    def log(self, user: str) -> Path:
        return self._directory / f"{user}.log"

    def stop(self) -> dict[str, int]:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return {user: process.wait(30) for user, process in self.processes.items()}


@pytest.fixture
def running(secured: Secured, tmp_path: Path) -> Iterator[Running]:
    running = Running(secured, tmp_path)
    try:
        yield running
    finally:
        for process in running.processes.values():
            process.kill()
            process.wait(10)


async def run(secured: Secured, user: str, *command: str | Path) -> None:
    """A command that succeeds, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in secured.environment(user).items():
            patch.setenv(name, value)
        assert await asyncio.to_thread(main, [str(word) for word in command]) == 0


async def see(secured: Secured, user: str, topics: Collection[str]) -> None:
    """Return when each of the topics holds two records; one connection, as each costs a login."""
    counts: Counter[str] = Counter()
    async with aclosing(follow(secured.settings(user), list(topics))) as batches:
        async for batch in batches:
            counts.update(record.position.topic for record in batch)
            if all(counts[topic] >= 2 for topic in topics):
                return


async def while_running(running: Running, waiting: Awaitable[None]) -> None:
    task = asyncio.ensure_future(waiting)
    async with asyncio.timeout(200):
        while not (await asyncio.wait({task}, timeout=0.5))[0]:
            for user, process in running.processes.items():
                assert process.poll() is None, running.log(user).read_text()
    task.result()


async def test_a_round_end_to_end_with_no_more_rights_than_declared(
    secured: Secured, running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile, table = tmp_path / "economic.yaml", tmp_path / "shops.csv"
    profile.write_text(PROFILE)
    table.write_text(ROWS)
    for service in ("memory", "meta", "gossip"):
        running.start(service, "run", service)
    running.start("monitor", "run", "monitor")
    await run(secured, "operator", "domain", "apply", profile)
    client = ("client", "--data", str(table), "--domain", "economic", "--entity", "shop")
    running.start("client-a", *client)
    running.start("evaluator-a", *client, "--evaluate")
    topics = ("ledger", "gossip-plan", "gossip.economic", "evaluations")
    await while_running(running, see(secured, "monitor", topics))
    capsys.readouterr()
    await run(secured, "monitor", "status", "--json")
    status = json.loads(capsys.readouterr().out)
    assert status["domains"]["economic"]["version"] >= 1
    await run(secured, "audit", "audit", "verify")
    assert "the log bears the ledger out" in capsys.readouterr().out
    codes = running.stop()
    logs = {user: running.log(user).read_text() for user in running.processes}
    assert codes == dict.fromkeys(codes, 0), logs
    for user, log in logs.items():
        assert "uthorization" not in log, f"{user}: {log}"
        assert f"{user}-secret" not in log
