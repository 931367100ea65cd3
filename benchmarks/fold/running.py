"""Runs readers as processes and takes their pace from outside, the same way for all."""

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import IO

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LIMIT_S = 300.0
LOOK_S = 0.01


class ReaderError(Exception):
    """A reader ended or stood still."""


@dataclass(frozen=True)
class Pace:
    """Between the first events seen to be done and the last.

    Attributes:
        cpu_us: of the readers' processes, all threads, per event.
    """

    events_per_s: float
    cpu_us: float


class Running:
    """One reader's process; its last line says how many events it has done."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log.open("wb")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log)
        self.done = 0
        assert self._process.stdout is not None
        told = (self._process.stdout,)
        self._reading = threading.Thread(target=self._read, args=told, daemon=True)
        self._reading.start()

    def _read(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                if line.strip().isdigit():
                    self.done = int(line)

    def cpu_s(self) -> float:
        """User and system time so far."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def check(self) -> None:
        """Raise ReaderError when the process is gone."""
        if (code := self._process.poll()) is not None:
            said = Path(self._log.name).read_text(errors="replace").strip().splitlines()[-5:]
            raise ReaderError(f"{self._process.args!r} ended with {code}: {said}")

    def end(self) -> None:
        """End it by force: what it holds is a copy."""
        self._process.kill()
        self._process.wait()
        self._reading.join()
        self._log.close()


def pace(commands: Sequence[Sequence[str]], events: int, log: Path) -> Pace:
    """Run the readers of one group together until ``events`` are done.

    Raises:
        ReaderError: one ended, or they did not finish within five minutes.
    """
    running = [Running(command, log.with_suffix(f".{i}.log")) for i, command in enumerate(commands)]
    limit = perf_counter() + LIMIT_S
    first, began, cpu = 0, 0.0, 0.0
    try:
        while True:
            done, now = sum(r.done for r in running), perf_counter()
            if not first and done:
                first, began, cpu = done, now, sum(r.cpu_s() for r in running)
            if done >= events:
                break
            for reader in running:
                reader.check()
            if now > limit:
                raise ReaderError(f"{done} of {events} events after {LIMIT_S:.0f} s")
            sleep(LOOK_S)
        spent = sum(r.cpu_s() for r in running) - cpu
        counted = done - first
        return Pace(counted / (now - began), 1e6 * spent / counted)
    finally:
        for reader in running:
            reader.end()
