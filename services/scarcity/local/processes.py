"""Child processes: started, logged, restarted when they die, all stopped at the end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from scarcity.events.errors import ServiceError
from scarcity.local.guard import signal_group

FAILURES_ALLOWED = 5
YOUNG_S = 10.0  # a child that dies younger has failed; an older one was killed
FIRST_DELAY_S, LONGEST_DELAY_S = 0.2, 3.0
STOP_WITHIN_S = 5.0
TAIL_LINES = 12


@dataclass(frozen=True)
class ChildSpec:
    """A child process.

    Attributes:
        name: of its log file, and in messages.
        command: program and arguments.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


# A shell names itself to the guard on its standard input and becomes the child: were it for this
# process to do so, a child would be missed when this process is killed right after its start.
REGISTER = ("/bin/sh", "-c", 'echo "+$$" >&0; exec "$@" </dev/null', "sh")


class Guard:
    """The process that stops the others if this one is killed; see `scarcity.local.guard`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scarcity.local.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pipe(self) -> int:
        """The pipe's file descriptor, for `REGISTER`."""
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def broker_at(self, pid_file: Path) -> None:
        """A broker keeps its pid in this file while it runs."""
        self._tell(f"@{pid_file.resolve()}")

    def ended(self, group: int) -> None:
        """A process group has ended; its number may be another's soon."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """End the guard; it stops what has not ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is None or self._process.poll() is not None:
            return  # someone killed the guard: the demo goes on without
        try:
            pipe.write(f"{line}\n".encode())
            pipe.flush()
        except BrokenPipeError:
            return


class Child:
    """One child: its process while it runs, and how often it failed in a row."""

    def __init__(self, spec: ChildSpec, log_dir: Path, guard: Guard) -> None:
        self.spec = spec
        self.log = log_dir / f"{spec.name}.log"
        self.restarts = 0
        self.process: asyncio.subprocess.Process | None = None
        self._guard = guard
        self._failures = 0
        self._finished = False

    def finish(self) -> None:
        """Its work is done: SIGTERM, and no restart."""
        if not self._finished and self.process is not None:
            signal_group(self.process.pid, signal.SIGTERM)
        self._finished = True

    async def supervise(self) -> None:
        """Run the child, again whenever it dies, until it is told to finish.

        Raises:
            ServiceError: it failed FAILURES_ALLOWED times in a row; with its last lines.
        """
        delay_s = FIRST_DELAY_S
        while True:
            began = time.monotonic()
            code = await self._run_once()
            if self._finished:
                return
            if time.monotonic() - began >= YOUNG_S:
                self._failures, delay_s = 0, FIRST_DELAY_S
            self._failures += 1
            if self._failures >= FAILURES_ALLOWED:
                raise ServiceError(self._complaint(code))
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            self.restarts += 1

    async def _run_once(self) -> int:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *REGISTER,
                *self.spec.command,
                stdin=self._guard.pipe,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.spec.environment},
                start_new_session=True,
            )
        self.process = process
        code = await process.wait()
        self._guard.ended(process.pid)
        self.process = None
        return code

    def _complaint(self, code: int) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        tail = "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
        return (
            f"{self.spec.name} failed {self._failures} times in a row, last with {how}. Its last "
            f"lines (all in {self.log}):\n{tail}"
        )


class Processes:
    """All children of a run; an async context manager that leaves none behind."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self._guard = Guard()
        self.children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def guard(self) -> Guard:
        """For processes that others start, e.g. the broker."""
        return self._guard

    @property
    def restarts(self) -> int:
        """How often a child was started again."""
        return sum(child.restarts for child in self.children)

    def start(self, specs: Sequence[ChildSpec]) -> None:
        """Start children and keep them running."""
        for spec in specs:
            child = Child(spec, self.log_dir, self._guard)
            self.children.append(child)
            self._tasks.append(asyncio.create_task(child.supervise(), name=spec.name))

    def finish(self, name: str) -> None:
        """Stop one child, whose work is done, for good."""
        for child in self.children:
            if child.spec.name == name:
                child.finish()

    def check(self) -> None:
        """Raise the ServiceError of a child that failed for good."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        finally:
            self._guard.close()

    async def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """SIGTERM to every child's process group; SIGKILL to what is left after ``within_s``."""
        groups = {child.process.pid for child in self.children if child.process is not None}
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await stop_groups(groups, within_s)
        finally:
            for group in groups:
                signal_group(group, signal.SIGKILL)
                self._guard.ended(group)
            self.children, self._tasks = [], []


async def stop_groups(groups: set[int], within_s: float) -> None:
    """SIGTERM to process groups, and wait until they are gone, at most ``within_s``."""
    waiting = {group for group in groups if signal_group(group, signal.SIGTERM)}
    end = time.monotonic() + within_s
    while waiting and time.monotonic() < end:
        await asyncio.sleep(0.05)
        waiting = {group for group in waiting if signal_group(group, 0)}
