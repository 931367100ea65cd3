"""Standing by: a worker of the meta-learner writes for as long as the group gives it the ledger."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError, KafkaTimeoutError

from scarcity.events.errors import BrokerError

logger = logging.getLogger(__name__)

RETRY_S: Final = 1.0


class Writer(Protocol):
    """One term as the writer."""

    async def run(self) -> None:
        """Take over and write, until cancelled.

        Raises:
            ServiceError: fenced, refused, or the broker went away.
        """


class MetaWorker:
    """Stands by until the group gives it the ledger, and writes for as long as it holds it."""

    def __init__(self, make_writer: Callable[[], Writer]) -> None:
        self._make_writer = make_writer
        self._holds = asyncio.Event()
        self._term: asyncio.Task[None] | None = None

    async def assigned(self, *, holds_ledger: bool) -> None:
        """Note what the group assigned."""
        if holds_ledger:
            self._holds.set()
        elif not self._holds.is_set():
            logger.info("stands by: another worker holds the ledger")

    async def revoked(self) -> None:
        """End the term, if there is one; returns when nothing more can be written."""
        self._holds.clear()
        if self._term is not None:
            await cancelled(self._term)

    async def run(self) -> None:
        """Serve term after term until cancelled.

        Raises:
            ServiceError: this worker must not or cannot go on.
        """
        while True:
            await self._holds.wait()
            term = self._term = asyncio.ensure_future(self._make_writer().run())
            try:
                await asyncio.wait({term})
            finally:
                await cancelled(term)
            if term.cancelled():
                continue
            try:
                term.result()
            except BrokerError as error:
                if not _may_try_again(error):
                    raise
                logger.warning("%s; taking over anew", error)
                await asyncio.sleep(RETRY_S)


def _may_try_again(error: BrokerError) -> bool:
    cause = error.__cause__
    return isinstance(cause, KafkaError) and (
        cause.retriable or isinstance(cause, KafkaTimeoutError)
    )


async def cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancel a task; returns when it has ended."""
    task.cancel()
    await asyncio.wait({task})
