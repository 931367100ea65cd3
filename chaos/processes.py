"""The processes of a run: kept running, hurt on demand, and gone at the end whatever happens."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos.wrapped import NO_DISK
from scarcity.local.processes import REGISTER, Guard

RESTART_S: Final = 0.5
STOP_WITHIN_S: Final = 10.0


@dataclass(frozen=True)
class Spec:
    """A process: its kind, its name, what runs in it."""

    kind: str
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One process that is started again whenever it ends.

    Attributes:
        kills: how often it was ended by force, by this run.
        ends: exit codes of its own ends: a fenced worker's, for instance.
        is_stopped: a SIGSTOP has no SIGCONT yet.
    """

    def __init__(self, spec: Spec, directory: Path, guard: Guard) -> None:
        self.spec = spec
        self.log = directory / f"{spec.name}.log"
        self.kills = 0
        self.ends: list[int] = []
        self.is_stopped = False
        self._guard = guard
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = True
        self._without_disk = False
        self._killed = False
        self._keeping = asyncio.create_task(self._keep_running(), name=spec.name)

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    def kill(self, *, next_without_disk: bool = False) -> bool:
        """Kill -9; returns whether there was something to kill."""
        self._without_disk = next_without_disk
        self._killed = self.signal(signal.SIGKILL)
        self.kills += self._killed
        self.is_stopped = False
        return self._killed

    def signal(self, number: int) -> bool:
        """Send a signal; returns whether the process was there."""
        if self._process is None:
            return False
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            return False
        if number in (signal.SIGSTOP, signal.SIGCONT):
            self.is_stopped = number == signal.SIGSTOP
        return True

    async def leave(self) -> None:
        """SIGTERM, and no restart; by force after STOP_WITHIN_S. Returns once it is gone."""
        self._wanted = False
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await asyncio.shield(self._keeping)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._keeping

    async def _keep_running(self) -> None:
        while self._wanted:
            code = await self._run_once()
            if not self._killed and self._wanted:
                self.ends.append(code)
            self._killed = False
            if self._wanted:
                await asyncio.sleep(RESTART_S)

    async def _run_once(self) -> int:
        without = (NO_DISK,) if self._without_disk else ()
        self._without_disk = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *REGISTER,
                *(sys.executable, "-m", "chaos.wrapped", *without, *self.spec.command),
                stdin=self._guard.pipe,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.spec.environment},
                start_new_session=True,
            )
        code = await self._process.wait()
        self._guard.ended(self._process.pid)
        self._process = None
        return code
