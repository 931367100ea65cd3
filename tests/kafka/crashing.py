"""A worker that ends, or stops, after a step: `python -m tests.kafka.crashing memory SENT die`.

`die` ends the process as kill -9 does: nothing is cleaned up, nothing more is sent. `stop` stops it
as SIGSTOP does; with SIGCONT it goes on as a zombie, until its next commit. A fourth argument is
what transactional ids of the memory begin with; workers that have not the same cannot fence each
other.
"""

import asyncio
import os
import signal
import subprocess
import sys
from enum import Enum
from functools import partial
from pathlib import Path

from scarcity.broker.faust_app import run_app
from scarcity.broker.settings import KafkaSettings
from scarcity.memory.service import FoldWorker, create_memory_app
from scarcity.memory.settings import MemorySettings

ROOT = Path(__file__).parents[2]
SESSION_S = 1.0  # the embedded broker allows it
DEAD = 77


def start(
    address: str, service: str, step: Enum | None, what: str, *more: str, log: Path
) -> subprocess.Popen[bytes]:
    """Start one; ``step`` None: it neither ends nor stops."""
    name = "none" if step is None else step.name
    environment = {
        **os.environ,
        "SCARCITY_BOOTSTRAP_SERVERS": address,
        "SCARCITY_SESSION_TIMEOUT_S": str(SESSION_S),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.kafka.crashing", service, name, what, *more]
    with log.open("ab") as output:
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output)


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code once it has ended."""
    while (code := process.poll()) is None:
        await asyncio.sleep(0.02)
    return code


async def until_stopped(process: subprocess.Popen[bytes]) -> None:
    """Return once the kernel says that the process is stopped."""
    while " T " not in Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2][:4]:
        await asyncio.sleep(0.02)


async def until_it_lost_its_term(process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a woken meta worker cannot write what it had learned.

    Either its writing is fenced and it ends with code 1, or its group's word comes first: its term
    is ended, and it stands by or begins another. Which of the two is a race that both may win.
    """
    while (code := process.poll()) is None:
        if "UnknownMemberIdError" in log.read_text():
            return
        await asyncio.sleep(0.02)
    assert code == 1
    assert "another process took over the transactional id" in log.read_text()


class _Trap:
    """Ends or stops this process when a step has been done."""

    def __init__(self, step: str, what: str) -> None:
        self._step = step
        self._what = what

    def __call__(self, done: Enum) -> None:
        if done.name != self._step:
            return
        if self._what == "die":
            os._exit(DEAD)
        self._step, self._what = "COMMITTED", "die"
        os.kill(os.getpid(), signal.SIGSTOP)


def main() -> None:
    service, step, what, *fence = sys.argv[1:]
    trap = _Trap(step, what)
    if service == "memory":
        kafka = KafkaSettings.from_environment(os.environ)
        make = partial(FoldWorker, fence=fence[0] if fence else "memory", on_step=trap)
        run_app(create_memory_app(kafka, MemorySettings(), make))
    else:
        from scarcity.meta.service import create_meta_app
        from scarcity.meta.settings import MetaSettings

        run_app(create_meta_app(MetaSettings.from_environment(os.environ), trap))


if __name__ == "__main__":
    main()
