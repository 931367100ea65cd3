"""Keeps an embedded broker up: starts it, starts it again when killed, stops it at the end."""

import asyncio
import signal

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.local.processes import Guard

CHECK_EVERY_S = 1.0
STOP_WITHIN_S = 3.0


class BrokerKeeper:
    """An embedded broker; its calls wait for a process, so they run in a thread."""

    def __init__(self, kafka: EmbeddedKafka, guard: Guard) -> None:
        self._kafka = kafka
        guard.broker_at(kafka.pid_file)
        self._starting: asyncio.Future[None] | None = None
        self.restarts = 0

    async def start(self) -> None:
        """Start the broker and return when it answers.

        Raises:
            ServiceError, InputError: as EmbeddedKafka.start does.
        """
        self._starting = asyncio.ensure_future(asyncio.to_thread(self._kafka.start))
        await asyncio.shield(self._starting)

    async def keep(self) -> None:
        """Start the broker again whenever it is gone."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            if self._kafka.running() is None:
                self.restarts += 1
                await self.start()

    async def stop(self) -> None:
        """Stop the broker cleanly, after STOP_WITHIN_S by force."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        if running := self._kafka.running():
            await asyncio.to_thread(running.end, signal.SIGTERM, STOP_WITHIN_S)
        self._kafka.pid_file.unlink(missing_ok=True)
