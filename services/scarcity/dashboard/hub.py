"""Pages that are watched: each made once for all that watch it, and sent as changes.

Nothing here grows with the length of a connection: a page keeps its newest document and the last
changes; a reader that fell behind these is sent the whole document again.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Hashable
from typing import Final

import orjson

from scarcity.dashboard.deltas import change
from scarcity.dashboard.pages.all import PAGES
from scarcity.dashboard.pages.common import Document, Question

MAX_CHANNELS: Final = 64
MAX_STREAMS: Final = 128
KEPT_CHANGES: Final = 64
KEPT_BYTES: Final = 256 << 10
KEPT_S: Final = 30.0  # a page that nobody watches is kept this long, for those who come back


class FullError(Exception):
    """There are as many pages or readers as this process serves."""


class Channel:
    """One page: its newest document, and the changes that led to it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.document: Document | None = None
        self.number = 0
        self.readers = 0
        self.made_at_s = -1e9
        self.left_at_s = 0.0
        self.seen: Hashable = None
        self.changes: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._whole: tuple[int, bytes] = (-1, b"")
        self._changed = asyncio.Event()

    def put(self, document: Document) -> bool:
        """Take the newest document; returns whether anything changed."""
        if self.document is None:
            self.document = document
        else:
            what = change(self.document, document)
            if what is None:
                return False
            self.document = document
            data = orjson.dumps(what)
            self.changes.append((self.number + 1, data))
            self._bytes += len(data)
            while len(self.changes) > KEPT_CHANGES or self._bytes > KEPT_BYTES:
                self._bytes -= len(self.changes.popleft()[1])
        self.number += 1
        self.wake()
        return True

    def after(self, number: int) -> list[tuple[int, bytes]] | None:
        """Changes since a document's number; None when they are not all kept."""
        if number == self.number:
            return []
        first = self.changes[0][0] if self.changes else self.number + 1
        if not first - 1 <= number < self.number:
            return None
        return [one for one in self.changes if one[0] > number]

    def whole(self) -> bytes:
        """The newest document, as it is sent."""
        if self._whole[0] != self.number:
            self._whole = (self.number, orjson.dumps(self.document))
        return self._whole[1]

    def wake(self) -> None:
        """Let the readers look."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, number: int) -> None:
        """Return once there is a document after ``number``, or when woken."""
        if self.number == number:
            await self._changed.wait()


class Hub:
    """All pages that are watched.

    Args:
        make: makes a page's document.
        seen: what the documents are made of changed when this value changed.
        epoch: names this process: numbers of another one's documents mean nothing here.
    """

    def __init__(
        self,
        make: Callable[[Question], Document],
        seen: Callable[[], Hashable],
        epoch: str,
    ) -> None:
        self._make = make
        self._seen = seen
        self._epoch = epoch
        self._channels: OrderedDict[Question, Channel] = OrderedDict()
        self.streams = 0
        self.closed = False

    def tick(self, now_s: float) -> None:
        """Make anew what is due. ``now_s``: monotonic time."""
        for question, channel in list(self._channels.items()):
            if not channel.readers:
                if now_s - channel.left_at_s > KEPT_S:
                    del self._channels[question]
                continue
            seen = self._seen()
            due = now_s - channel.made_at_s >= PAGES[question.name].every_s
            if due and seen != channel.seen:
                channel.made_at_s, channel.seen = now_s, seen
                channel.put(self._make(question))

    async def read(
        self, question: Question, last_id: str, now_s: Callable[[], float]
    ) -> AsyncGenerator[bytes, None]:
        """Server-sent events of a page, for ever.

        Args:
            last_id: of the last event that the reader has; empty: it has none.

        Raises:
            FullError: there are too many readers or pages.
        """
        channel = self._open(question, now_s())
        channel.readers += 1
        self.streams += 1
        try:
            number = self._number(last_id)
            while not self.closed:
                changes = channel.after(number)
                if changes is None:
                    number = channel.number
                    yield self._event("whole", number, channel.whole())
                for number, data in changes or ():
                    yield self._event("change", number, data)
                await channel.wait(number)
        finally:
            channel.readers -= 1
            channel.left_at_s = now_s()
            self.streams -= 1

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        for channel in self._channels.values():
            channel.wake()

    def _open(self, question: Question, now_s: float) -> Channel:
        if self.streams >= MAX_STREAMS:
            raise FullError
        channel = self._channels.get(question)
        if channel is None:
            self._make_room()
            channel = self._channels[question] = Channel(question)
        if not channel.readers:
            # What is kept of a page that nobody watched is old.
            channel.put(self._make(question))
            channel.made_at_s = now_s
        return channel

    def _make_room(self) -> None:
        unread = [question for question, c in self._channels.items() if not c.readers]
        if len(self._channels) < MAX_CHANNELS:
            return
        if not unread:
            raise FullError
        del self._channels[unread[0]]

    def _number(self, last_id: str) -> int:
        epoch, _, number = last_id.rpartition("-")
        is_ours = epoch == self._epoch and number.isascii() and number.isdigit()
        return int(number) if is_ours and len(number) < 16 else -1

    def _event(self, kind: str, number: int, data: bytes) -> bytes:
        return b"id: %b-%d\nevent: %b\ndata: %b\n\n" % (
            self._epoch.encode(), number, kind.encode(), data,
        )  # fmt: skip
