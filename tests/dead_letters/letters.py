"""Dead letters made by the function that the services park with."""

from scarcity.events.dead_letter import park
from scarcity.events.errors import EventError, Reason
from scarcity.events.topics import DEAD_LETTERS
from scarcity.events.types import Headers, Position, Record

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS: Headers = (("ce_id", b"7"), ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()))


def parked(
    offset: int = 0,
    *,
    topic: str = "insights.retail",
    key: bytes | None = b"shop-7",
    value: bytes | None = b"{",
    reason: Reason = Reason.MALFORMED,
    headers: Headers = HEADERS,
    at_ms: int = 5_000,
) -> Record:
    """The record of `dead-letters` at ``offset``; its original lay at 100 + offset."""
    original = Record(Position(topic, 2, 100 + offset), key, value, 1_000, headers)
    out = park(original, EventError(reason, "not an Insight"), stage="memory.admission")
    return Record(Position(DEAD_LETTERS, 0, offset), out.key, out.value, at_ms, out.headers)
