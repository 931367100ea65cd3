"""The whole demo, short: it ends by itself with a report, survives a kill, and leaves nothing."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

MARK = "SCARCITY_TEST_MARK"


class Demo:
    """A running `scarcity demo`; everything it starts inherits a mark in its environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.output = directory / "output.txt"
        self.report = directory / "report.html"
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> asyncio.subprocess.Process:
        name, _, text = self.mark.partition("=")
        with self.output.open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "scarcity.cli", "demo", "--data-dir", str(self.directory)),
                *("--report", str(self.report), *options),
                stdout=output,
                stderr=output,
                env={**os.environ, name: text},
                start_new_session=True,
            )
        return self.process

    def processes(self, holding: str = "") -> list[int]:
        """Pids of what runs with the mark and ``holding`` in its command line."""
        found = []
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                environment = (proc / "environ").read_bytes().decode(errors="replace")
                command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if self.mark in environment.split("\0") and holding in command:
                found.append(int(proc.name))
        return found

    async def until_runs(self, holding: str) -> int:
        while not (pids := self.processes(holding)):
            assert self.process is not None
            assert self.process.returncode is None, self.output.read_text()
            await asyncio.sleep(0.05)
        return pids[0]

    async def until_nothing_runs(self) -> None:
        while self.processes():
            await asyncio.sleep(0.05)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    running = Demo(tmp_path)
    yield running
    for pid in running.processes():
        os.kill(pid, signal.SIGKILL)
    if running.process is not None:
        await running.process.wait()


async def test_a_short_demo_ends_with_a_table_and_a_report_though_meta_was_killed(
    demo: Demo,
) -> None:
    process = await demo.start("--rounds", "4", "--seconds-limit", "300")
    os.kill(await demo.until_runs("scarcity.cli run meta"), signal.SIGKILL)
    code = await process.wait()
    printed = demo.output.read_text()
    assert code == 0, printed
    table = printed[printed.index("New clients:") :]
    for domain in ("economic", "medical", "technology"):
        assert domain in table
    assert "not evaluated" not in table
    assert "privacy mode: open" in printed
    assert "the time limit came first" not in printed
    assert demo.report.read_text().count("<figure>") == 3 * 5
    assert demo.processes() == []


async def test_ctrl_c_stops_every_process(demo: Demo) -> None:
    process = await demo.start()
    await demo.until_runs("scarcity.cli run memory")
    await demo.until_runs("kafka.Kafka")
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    assert demo.processes() == []


async def test_nothing_outlives_a_demo_that_was_killed(demo: Demo) -> None:
    process = await demo.start()
    await demo.until_runs("scarcity.cli run memory")
    process.kill()
    await process.wait()
    await demo.until_nothing_runs()


async def test_a_taken_port_is_one_line_and_leaves_nothing(demo: Demo, kafka_address: str) -> None:
    port = kafka_address.rpartition(":")[2]
    process = await demo.start("--port", port)
    assert await process.wait() == 2
    last = demo.output.read_text().splitlines()[-1]
    assert last.startswith(f"scarcity: port {port} is taken")
    assert demo.processes() == []
