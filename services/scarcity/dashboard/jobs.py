"""What the page asks the audit: one question after the other, each in a process of its own.

A process of its own, because an audit holds all its records and computes for seconds: the page
goes on meanwhile, and what it took is given back. Answers are kept until newer ones come; the
topics can answer again.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec

from scarcity.dashboard.clients import MAX_NAME
from scarcity.dashboard.pages.common import Document
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

KINDS: Final = ("verify", "without", "influence")
KEPT: Final = 12
MOST_WAITING: Final = 4
LIMIT_S: Final = 600.0


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question.

    Attributes:
        kind: `verify` a version; the course `without` a client; the `influence` of a client.
        version: of the domain, for `verify`.
        client: for the others.
    """

    kind: str
    domain: str
    version: int = -1
    client: str = ""


Answer = Callable[[Asked], AsyncGenerator[Document, None]]


class Jobs:
    """The questions, the newest first in :attr:`documents`.

    Args:
        answer: yields `{"step": [done, total]}` and `{"reading": topic}`, and at the end
            `{"result": …}` or `{"error": text}`.
        now_s: monotonic time.

    Attributes:
        changes: rises whenever a document changed.
    """

    def __init__(self, answer: Answer, now_s: Callable[[], float]) -> None:
        self.documents: deque[Document] = deque(maxlen=KEPT)
        self.changes = 0
        self._answer = answer
        self._now_s = now_s
        self._numbers = itertools.count(1)
        self._waiting: deque[tuple[Document, Asked]] = deque()
        self._asked = asyncio.Event()

    def ask(self, given: Any) -> int:
        """Queue a question; returns its number.

        Raises:
            InputError: it is none, or too many wait.
        """
        try:
            asked = msgspec.convert(given, Asked)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise InputError(f"no question: {error}") from None
        if asked.kind not in KINDS:
            raise InputError(f"kind {asked.kind[:40]!r} is unknown; one of: {', '.join(KINDS)}")
        check_domain(asked.domain)
        if asked.kind == "verify" and asked.version < 0:
            raise InputError("say which version: a number from 0 on")
        if asked.kind != "verify" and not 0 < len(asked.client) <= MAX_NAME:
            raise InputError("say which client")
        if len(self._waiting) >= MOST_WAITING:
            raise InputError("other questions wait already: try again when one is answered")
        number = next(self._numbers)
        document: Document = {
            "id": number, "kind": asked.kind, "domain": asked.domain, "version": asked.version,
            "client": asked.client, "state": "waiting", "step": None, "reading": "",
            "result": None, "error": "", "took_s": None,
        }  # fmt: skip
        self.documents.appendleft(document)
        self._waiting.append((document, asked))
        self.changes += 1
        self._asked.set()
        return number

    async def run(self) -> None:
        """Answer questions, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._waiting:
                await self._one(*self._waiting.popleft())

    async def _one(self, document: Document, asked: Asked) -> None:
        began = self._now_s()
        self._note(document, state="running")
        try:
            async with asyncio.timeout(LIMIT_S), aclosing(self._answer(asked)) as told:
                async for line in told:
                    self._note(document, **line)
        except TimeoutError:
            self._note(document, error=f"it took more than {LIMIT_S:.0f} s and was stopped")
        if document["result"] is None and not document["error"]:
            self._note(document, error="the audit ended without an answer; see the log")
        state = "failed" if document["error"] else "done"
        self._note(document, state=state, took_s=round(self._now_s() - began, 2), reading="")

    def _note(self, document: Document, **fields: Any) -> None:
        # A new map: documents that were sent hold the old one, to compare with.
        new = {**document, **{k: v for k, v in fields.items() if k in document}}
        for at, one in enumerate(self.documents):
            if one["id"] == document["id"]:
                self.documents[at] = new
        document.update(new)
        self.changes += 1
