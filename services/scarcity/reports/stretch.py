"""Which records belong to a stretch of time. Pure.

Topics of facts (a round, an insight, a parked record) have a time; topics of states say what holds:
of these everything up to the end of the stretch counts.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from scarcity.broker.time_options import TimeRange
from scarcity.events.topics import (
    DEAD_LETTERS,
    EVALUATIONS,
    INSIGHTS_PREFIX,
    LEDGER,
    META_PARAMETERS,
)
from scarcity.events.types import Record

# A pattern begins with ^, as `broker.following.follow` has it.
FACT_TOPICS: Final = (
    LEDGER,
    EVALUATIONS,
    DEAD_LETTERS,
    META_PARAMETERS,
    f"^{INSIGHTS_PREFIX[:-1]}\\..*",
)


def is_fact(topic: str) -> bool:
    """Whether a record of the topic belongs to the time it was written, and to no later one."""
    return topic in FACT_TOPICS or topic.startswith(INSIGHTS_PREFIX)


def within(records: Iterable[Record], times: TimeRange) -> Iterator[Record]:
    """Records that belong to a stretch; states too, however old."""
    for record in records:
        at_ms = record.timestamp_ms
        if times.until_ms is not None and at_ms > times.until_ms:
            continue
        if times.since_ms is not None and at_ms < times.since_ms and is_fact(record.position.topic):
            continue
        yield record


def stretch_text(times: TimeRange) -> str:
    """From when to when, for people.

    >>> stretch_text(TimeRange(0, None))
    'from 1970-01-01 00:00:00 UTC on'
    """
    since, until = (None if at is None else _time(at) for at in times)
    if since is None and until is None:
        return "all that the topics keep"
    if until is None:
        return f"from {since} on"
    return f"up to {until}" if since is None else f"{since} to {until}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
