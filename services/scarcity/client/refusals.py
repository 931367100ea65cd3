"""Peers' messages that were refused: counted by reason, and said once. Pure."""

from collections import Counter
from threading import Lock

from scarcity.events.errors import EventError, Reason
from scarcity.events.gossip_weights import Refusal

MAX_TOLD = 1000  # names come from outside
MAX_WAITING = 20


class RefusedError(EventError):
    """A peer's message cannot be used; ``refusal`` says which kind of reason it is."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(Reason.MALFORMED, message)
        self.refusal = refusal


class Refusals:
    """What the clients of one process refused. Threads may share it."""

    def __init__(self) -> None:
        self._counts: Counter[Refusal] = Counter()
        self._told: set[tuple[str, Refusal]] = set()
        self._waiting: list[tuple[Refusal, str]] = []
        self._lock = Lock()

    @property
    def counts(self) -> dict[str, int]:
        """How many so far, by reason."""
        with self._lock:
            return {refusal.value: count for refusal, count in sorted(self._counts.items())}

    def add(self, sender: str, refusal: Refusal, why: str) -> None:
        """Count one; its text is said once a sender and reason."""
        with self._lock:
            self._counts[refusal] += 1
            known = (sender, refusal) in self._told
            if known or len(self._told) >= MAX_TOLD or len(self._waiting) >= MAX_WAITING:
                return
            self._told.add((sender, refusal))
            self._waiting.append((refusal, f"{sender!r}: {why}"))

    def take_news(self) -> list[tuple[Refusal, str]]:
        """Texts that were not taken yet."""
        with self._lock:
            news, self._waiting = self._waiting, []
        return news
