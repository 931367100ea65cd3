"""A parked record: the original bytes, key and headers, and why and where it failed in headers."""

from scarcity.events.errors import EventError
from scarcity.events.topics import DEAD_LETTERS
from scarcity.events.types import Outgoing, Record

PREFIX = "dl_"


def park(record: Record, error: EventError, *, stage: str) -> Outgoing:
    """The dead letter of a record.

    Args:
        stage: the service and step that refused it, e.g. `memory.admission`.
    """
    where = record.position
    added = (
        ("dl_reason", error.reason.value.encode()),
        ("dl_message", str(error)[:500].encode()),
        ("dl_stage", stage.encode()),
        ("dl_topic", where.topic.encode()),
        ("dl_partition", str(where.partition).encode()),
        ("dl_offset", str(where.offset).encode()),
    )
    # Kafka's client refuses a record with neither key nor value.
    value = b"" if record.key is None and record.value is None else record.value
    return Outgoing(DEAD_LETTERS, record.key, value, (*record.headers, *added))


def describe_parked(parked: Outgoing) -> str:
    """One line for a log: `insights.retail[0]@7: malformed: not an Insight: …`."""
    told = {name: value.decode() for name, value in parked.headers if name.startswith(PREFIX)}
    return "{dl_topic}[{dl_partition}]@{dl_offset}: {dl_reason}: {dl_message}".format(**told)
