"""Which letters a person means: by reason, domain, client, time, or by their places."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scarcity.dead_letters.letter import Letter
from scarcity.events.errors import InputError, Reason
from scarcity.events.topics import DEAD_LETTERS
from scarcity.events.types import Position

_PLACE: Final = re.compile(r"(\d{1,6})@(\d{1,18})")


@dataclass(frozen=True)
class Selection:
    """Every criterion that is given must hold; an empty one admits all.

    Attributes:
        since_ms, until_ms: of the time it was parked, both included.
    """

    reasons: frozenset[str] = frozenset()
    domain: str = ""
    client: str = ""
    since_ms: int | None = None
    until_ms: int | None = None

    def admits(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and self.domain in ("", letter.domain)
            and self.client in ("", letter.client)
            and (self.since_ms is None or letter.parked_at_ms >= self.since_ms)
            and (self.until_ms is None or letter.parked_at_ms <= self.until_ms)
        )


def parse_reasons(texts: Iterable[str]) -> frozenset[str]:
    """Reasons a person typed.

    Raises:
        InputError: one is unknown; lists the known ones.
    """
    known = [reason.value for reason in Reason]
    for text in texts:
        if text not in known:
            raise InputError(f"--reason {text}: unknown; one of: {', '.join(known)}")
    return frozenset(texts)


def parse_place(text: str) -> Position:
    """Read `PARTITION@OFFSET`, as `scarcity dead-letters list` prints it.

    Raises:
        InputError: it is none.

    >>> parse_place("0@12")
    Position(topic='dead-letters', partition=0, offset=12)
    """
    if (match := _PLACE.fullmatch(text)) is None:
        raise InputError(f"{text!r} is no place of a dead letter; want PARTITION@OFFSET, e.g. 0@12")
    return Position(DEAD_LETTERS, int(match[1]), int(match[2]))
