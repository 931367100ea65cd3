"""Brings the faults of a plan over a cluster, each at its time, none waiting for another."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Final

from chaos.cluster import Cluster
from chaos.faults import Fault, FaultKind
from chaos.host import PACING
from chaos.wrapped import SET_CLOCK_BACK

SLOW_FOR_S: Final = 6.0
SLOW_STOPPED_S, SLOW_RUNNING_S = 0.9, 0.1
BROKER_SILENT_S: Final = PACING.interval_s + 0.5  # so that each host has sent something
BEYOND_SESSION_S: Final = 3.0


class Inflictor:
    """Knows how each kind of fault is done.

    Attributes:
        done: faults that hit something, by kind.
    """

    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self.done: dict[FaultKind, int] = {}
        self._cluster = cluster
        self._say = say
        self._broker = asyncio.Lock()  # one thing at a time is done to the broker
        self._stopping: dict[str, asyncio.Lock] = {}  # and one SIGCONT must not end two stops
        self._acts = {
            FaultKind.KILL: self._kill,
            FaultKind.ZOMBIE: self._zombie,
            FaultKind.SLOW: self._slow,
            FaultKind.JOIN: self._join,
            FaultKind.LEAVE: self._leave,
            FaultKind.NO_DISK: self._no_disk,
            FaultKind.CLOCK_BACK: self._clock_back,
            FaultKind.BROKER_KILL: self._kill_broker,
            FaultKind.SEND_UNANSWERED: self._send_unanswered,
        }

    async def run(self, plan: Sequence[Fault]) -> None:
        """Do all of it; returns when the last is over."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for fault in plan:
                left = began + fault.at_s - asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, left))
                self._say(str(fault))
                tasks.create_task(self._do(fault))

    async def _do(self, fault: Fault) -> None:
        if await self._acts[fault.kind](fault.victim):
            self.done[fault.kind] = self.done.get(fault.kind, 0) + 1
        else:
            self._say(f"          {fault.victim} was not there to be hit")

    async def _kill(self, victim: str) -> bool:
        return self._cluster.children[victim].kill()

    async def _no_disk(self, victim: str) -> bool:
        return self._cluster.children[victim].kill(next_without_disk=True)

    async def _zombie(self, victim: str) -> bool:
        child = self._cluster.children[victim]
        async with self._stopping.setdefault(victim, asyncio.Lock()):
            pid = child.pid
            if not child.signal(signal.SIGSTOP):
                return False
            await asyncio.sleep(self._cluster.shape.session_s + BEYOND_SESSION_S)
            return child.pid == pid and child.signal(signal.SIGCONT)

    async def _slow(self, victim: str) -> bool:
        child = self._cluster.children[victim]
        async with self._stopping.setdefault(victim, asyncio.Lock()):
            for _ in range(int(SLOW_FOR_S / (SLOW_STOPPED_S + SLOW_RUNNING_S))):
                child.signal(signal.SIGSTOP)
                await asyncio.sleep(SLOW_STOPPED_S)
                child.signal(signal.SIGCONT)
                await asyncio.sleep(SLOW_RUNNING_S)
        return True

    async def _clock_back(self, victim: str) -> bool:
        return self._cluster.children[victim].signal(SET_CLOCK_BACK)

    async def _join(self, name: str) -> bool:
        self._cluster.add(self._cluster.service("memory", name))
        return True

    async def _leave(self, name: str) -> bool:
        await self._cluster.children[name].leave()
        return True

    async def _kill_broker(self, _: str) -> bool:
        async with self._broker:
            await self._cluster.restart_broker()
        return True

    async def _send_unanswered(self, victim: str) -> bool:
        """The broker falls silent, so that what the host sends stays unanswered; the host dies."""
        async with self._broker:
            running = self._cluster.kafka.running()
            if running is None:
                return False
            running.send(signal.SIGSTOP)
            try:
                await asyncio.sleep(BROKER_SILENT_S)
                return self._cluster.children[victim].kill()
            finally:
                running.send(signal.SIGCONT)
