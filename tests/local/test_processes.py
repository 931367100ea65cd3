import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from scarcity.events.errors import ServiceError
from scarcity.local import processes as processes_module
from scarcity.local.processes import Child, ChildSpec, Processes

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


def spec(name: str, code: str, **environment: str) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", code), environment)


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    async with Processes(tmp_path) as running:
        yield running


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


async def check_for_ever(processes: Processes) -> None:
    while True:
        processes.check()
        await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_up(child: Child, times: int = 1) -> bool:
    return child.log.exists() and child.log.read_text().count("up") >= times


async def test_a_killed_child_is_started_again(processes: Processes) -> None:
    processes.start([spec("a", SLEEP), spec("b", SLEEP)])
    a, b = processes.children
    await until(lambda: is_up(a) and is_up(b))
    assert a.process is not None
    os.kill(a.process.pid, signal.SIGKILL)
    await until(lambda: is_up(a, times=2))
    assert (a.restarts, b.restarts, processes.restarts) == (1, 0, 1)
    processes.check()


async def test_stop_leaves_no_child_not_even_a_deaf_one(processes: Processes) -> None:
    processes.start([spec("a", SLEEP), spec("deaf", DEAF)])
    children = list(processes.children)
    await until(lambda: all(is_up(child) for child in children))
    running = [child.process for child in children]
    await processes.stop(within_s=0.3)
    codes = [await process.wait() for process in running if process is not None]
    assert codes == [-signal.SIGTERM, -signal.SIGKILL]


async def test_a_stopped_child_takes_its_own_children_along(processes: Processes) -> None:
    grandchild = (
        "import subprocess, sys, time; "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print('up', p.pid, flush=True); time.sleep(60)"
    )
    processes.start([spec("a", grandchild)])
    child = processes.children[0]
    await until(lambda: is_up(child) and child.log.read_text().endswith("\n"))
    pid = int(child.log.read_text().split()[1])
    await processes.stop()
    # The grandchild has lost its parent, so that whoever adopted it reaps it some time later.
    await until(lambda: not runs(pid))


async def test_a_child_that_keeps_failing_is_named_with_its_last_lines(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes_module, "FIRST_DELAY_S", 0.0)
    processes.start([spec("broken", "print('no such topic'); raise SystemExit(3)")])
    with pytest.raises(ServiceError, match=r"(?s)broken failed 5 times.*code 3.*no such topic"):
        await check_for_ever(processes)


async def test_a_finished_child_is_not_started_again(processes: Processes) -> None:
    processes.start([spec("a", SLEEP)])
    child = processes.children[0]
    await until(lambda: is_up(child))
    processes.finish("a")
    await until(lambda: child.process is None)
    await asyncio.sleep(0)
    assert child.restarts == 0
    processes.check()


async def test_a_child_gets_its_environment_and_its_output_is_kept(processes: Processes) -> None:
    code = "import os, sys, time; print(os.environ['WHO'], file=sys.stderr); time.sleep(60)"
    processes.start([spec("a", code, WHO="me")])
    child = processes.children[0]
    await until(lambda: child.log.exists() and child.log.read_text() == "me\n")
