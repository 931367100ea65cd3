"""The newest parked records, with why and where they failed; of a payload its beginning alone."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from scarcity.dead_letters.letter import Letter
from scarcity.events.types import Record

MAX_LETTERS: Final = 300
MAX_PREVIEW: Final = 600  # characters of a payload


@dataclass(frozen=True)
class ShownLetter:
    """A parked record as the page shows it; texts are cut.

    Attributes:
        name: `0@12`, as `scarcity dead-letters` names it; ``source``: where it lay first.
        size: bytes of the payload.
    """

    name: str
    source: str
    reason: str
    message: str
    stage: str
    key: str
    size: int
    preview: str
    parked_at_ms: int
    requeued_from: str

    @classmethod
    def of(cls, record: Record) -> "ShownLetter":
        """What a record of `dead-letters` tells."""
        told = Letter.of(record).to_document(MAX_PREVIEW)
        return cls(
            name=told["place"],
            source=(told["source"] or "?")[:200],
            reason=told["reason"][:40],
            message=told["message"][:500],
            stage=told["stage"][:60],
            key=told["key"] or "",
            size=told["value_bytes"] or 0,
            preview=told["preview"],
            parked_at_ms=told["parked_at_ms"],
            requeued_from=told["requeued_from"][:40],
        )


class Letters:
    """The newest letters; ``total`` counts all that were read."""

    def __init__(self) -> None:
        self.total = 0
        self.newest: deque[ShownLetter] = deque(maxlen=MAX_LETTERS)

    def add(self, record: Record) -> None:
        """Take in a record of `dead-letters`."""
        self.total += 1
        self.newest.append(ShownLetter.of(record))
