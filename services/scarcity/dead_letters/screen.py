"""Letters for a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from scarcity.dead_letters.letter import Letter
from scarcity.dead_letters.preview import printable
from scarcity.dead_letters.reading import Found

LIST_CHARACTERS = 60
SHOW_CHARACTERS = 4000


def list_lines(found: Found) -> list[str]:
    """A line a letter, the newest last, and what there is in all."""
    lines = [_line(letter) for letter in found.newest]
    counts = ", ".join(f"{count} {reason}" for reason, count in found.by_reason.items())
    if not found.admitted:
        return ["no dead letters"]
    shown = len(found.newest)
    more = "" if shown == found.admitted else f"; the newest {shown} are shown (--limit)"
    return [*lines, f"{found.admitted} dead letters: {counts}{more}"]


def letter_lines(letter: Letter) -> list[str]:
    """One letter in full."""
    key = "(no key)" if letter.key is None else printable(letter.key)
    facts = (
        ("place", letter.name),
        ("parked", f"{_time(letter.parked_at_ms)} by {letter.stage}"),
        ("reason", f"{letter.reason}: {letter.message}"),
        ("source", str(letter.source or "not told")),
        ("domain", letter.domain or "not told"),
        ("client", printable(letter.client.encode()) or "not told"),
        ("key", key),
        ("requeued", f"once before, from {letter.requeued_from}" if letter.requeued_from else "no"),
        ("trace", letter.trace_id or "none"),
    )
    lines = [f"{name:<9} {printable(told.encode(), 600)}" for name, told in facts]
    lines += [f"header    {printable(n.encode())}: {printable(v)}" for n, v in letter.headers]
    size = 0 if letter.value is None else len(letter.value)
    return [*lines, f"value     {size} bytes", letter.preview(SHOW_CHARACTERS)]


def refused_lines(letters: Sequence[Letter], told: dict[str, str]) -> list[str]:
    """Why letters stay where they are."""
    return [f"left {x.name} ({x.source}): {told[x.name]}" for x in letters if x.name in told]


def _line(letter: Letter) -> str:
    again = " (sent again before)" if letter.requeued_from else ""
    return (
        f"{letter.name:>8}  {_time(letter.parked_at_ms)}  {letter.reason:<14} "
        f"{letter.source or 'source not told'}  {printable(letter.key or b'-')}{again}  "
        f"{letter.preview(LIST_CHARACTERS)}"
    )


def _time(at_ms: int) -> str:
    return (
        datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
    )
