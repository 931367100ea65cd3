"""Keeps the demo's broker up: starts it, starts it again when killed, stops it at the end."""

import asyncio
import signal

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.demo.processes import Guard

CHECK_EVERY_S = 1.0
STOP_WITHIN_S = 3.0


class BrokerKeeper:
    """An embedded broker; its calls wait for a process, so they run in a thread."""

    def __init__(self, kafka: EmbeddedKafka, guard: Guard) -> None:
        self._kafka = kafka
        self._guard = guard
        self._starting: asyncio.Future[None] | None = None
        self._group: int | None = None
        self.restarts = 0

    async def start(self) -> None:
        """Start the broker and return when it answers.

        Raises:
            ServiceError, InputError: as EmbeddedKafka.start does.
        """
        self._starting = asyncio.ensure_future(asyncio.to_thread(self._kafka.start))
        while not self._starting.done():
            await asyncio.wait([self._starting], timeout=0.1)
            self._tell_guard()
        self._starting.result()
        self._tell_guard()

    async def keep(self) -> None:
        """Start the broker again whenever it is gone."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            if self._kafka.running() is None:
                self.restarts += 1
                await self.start()

    async def stop(self) -> None:
        """Stop the broker cleanly, after STOP_WITHIN_S by force."""
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])
        if running := self._kafka.running():
            await asyncio.to_thread(running.end, signal.SIGTERM, STOP_WITHIN_S)
        self._kafka.pid_file.unlink(missing_ok=True)
        if self._group is not None:
            self._guard.ended(self._group)

    def _tell_guard(self) -> None:
        running = self._kafka.running()
        if running is not None and running.pid != self._group:
            self._group = running.pid
            self._guard.started(running.pid)
