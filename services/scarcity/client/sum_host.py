"""The clients of a process in rounds of secure sums, over a broker."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

from scarcity.broker.protocol import Broker
from scarcity.client.core import ClientGroup
from scarcity.client.settings import Pacing
from scarcity.client.signing import Signing
from scarcity.client.summing import Summing
from scarcity.client.view import DomainView
from scarcity.events.errors import EventError
from scarcity.events.topics import SECAGG_ROUNDS
from scarcity.keys.record_signing import RecordVerifier
from scarcity.secagg.notice import TURNED_OFF
from scarcity.telemetry.json_lines import about

logger = logging.getLogger(__name__)


class SumHost:
    """Answers what is announced.

    Members' messages are followed from their end: whoever comes in the middle of a round cannot
    take part in it. So the end must be known before the first call is answered.

    Args:
        lock: held while the group is computed with.
        publish: writes records.
        signing: signs them, where clients have identities.
        verifier: of the others' messages; None: they are taken as the broker shows them.
        draw: so many secret random bytes.
    """

    def __init__(
        self,
        broker: Broker,
        group: ClientGroup,
        view: DomainView,
        lock: asyncio.Lock,
        publish: Callable[..., Awaitable[None]],
        pacing: Pacing,
        *,
        signing: Signing,
        verifier: RecordVerifier | None,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._broker = broker
        self._group = group
        self._view = view
        self._lock = lock
        self._publish = publish
        self._pacing = pacing
        self._signing = signing
        self._summing = Summing(group, draw, verifier)
        self._news = asyncio.Event()
        self._hears_members = asyncio.Event()

    def wake(self) -> None:
        """There may be a newer version."""
        self._news.set()

    async def run(self, now_ms: Callable[[], int]) -> None:
        """Take part until cancelled; ``now_ms``: unix time, milliseconds."""
        told = "verified" if self._summing.is_verified else "as the broker shows them"
        text = "domain %s: privacy mode secagg, members' keys %s: %s"
        logger.info(text, self._view.domain, told, TURNED_OFF)
        async with asyncio.TaskGroup() as tasks:
            topic = self._summing.keys_topic
            tasks.create_task(self._follow(topic, from_start=False))
            tasks.create_task(self._follow(SECAGG_ROUNDS, from_start=True))
            tasks.create_task(self._answer(now_ms))

    async def _follow(self, topic: str, *, from_start: bool) -> None:
        async for batch in self._broker.stream(topic, from_start=from_start):
            async with self._lock:  # a thread may be answering
                for record in batch:
                    try:
                        self._summing.take(record)
                    except EventError as error:
                        told = about(record.position, headers=record.headers)
                        logger.warning("%s passed over: %s", record.position, error, extra=told)
            if not from_start:
                self._hears_members.set()
            self._news.set()

    async def _answer(self, now_ms: Callable[[], int]) -> None:
        await self._hears_members.wait()
        while True:
            await self._news.wait()
            self._news.clear()
            chosen = self._pacing.draw(self._group.client_ids, f"sums/{now_ms()}")
            async with self._lock:
                step = partial(self._summing.answers, chosen, self._view.versions)
                answers = await asyncio.to_thread(step)
            remarks, self._summing.remarks = self._summing.remarks, []
            for remark in remarks:
                logger.warning("refused: %s", remark)
            at_ms = now_ms()
            await self._publish(*(self._signing.member(answer, at_ms) for answer in answers))
