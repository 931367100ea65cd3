"""A parked record as people look at it: reason, where it came from, what it holds. Pure.

Written by `events/dead_letter.park`; this is the other direction.
"""

from dataclasses import dataclass
from typing import Any, Final

from scarcity.dead_letters.preview import PREVIEW_CHARACTERS, preview, printable
from scarcity.events.dead_letter import PREFIX
from scarcity.events.topics import CLIENTS, DOMAINS, GLOBAL_MEMORY, GOSSIP_PREFIX, INSIGHTS_PREFIX
from scarcity.events.types import Headers, Position, Record

REQUEUED: Final = "requeued_from"  # header: the dead letter that this record was
UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Letter:
    """One record of `dead-letters`.

    Attributes:
        place: where it lies in `dead-letters`; prints as `0@12`, partition and offset.
        parked_at_ms: when it was parked, broker's time.
        reason: of the closed set `events.errors.Reason`, or `unknown`.
        stage: who refused it, e.g. `memory.admission`.
        source: where the record lay; None when the letter does not say.
        domain, client: as topic and key say; empty when they do not.
        key, value: of the original, byte for byte.
        headers: of the original.
        requeued_from: place of the letter that this record was, when it was sent again before.
    """

    place: Position
    parked_at_ms: int
    reason: str
    message: str
    stage: str
    source: Position | None
    domain: str
    client: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    requeued_from: str = ""

    @classmethod
    def of(cls, record: Record) -> "Letter":
        """Read a record of `dead-letters`; one that `park` did not write has an unknown reason."""
        told = {n: v.decode(errors="replace") for n, v in record.headers}  # the last one counts
        source = _source(told)
        topic = source.topic if source else ""
        key = (record.key or b"").decode(errors="replace")
        domain, client = _parties(topic, key)
        return cls(
            record.position,
            record.timestamp_ms,
            told.get("dl_reason", UNKNOWN),
            told.get("dl_message", ""),
            told.get("dl_stage", UNKNOWN),
            source,
            domain,
            client,
            record.key,
            record.value,
            tuple((n, v) for n, v in record.headers if not n.startswith(PREFIX)),
            told.get(REQUEUED, ""),
        )

    @property
    def name(self) -> str:
        """How a person names it: `0@12`."""
        return name_of(self.place)

    @property
    def trace_id(self) -> str:
        """Of the trace that the record belongs to; empty without one."""
        parts = dict(self.headers).get("traceparent", b"").decode(errors="replace").split("-")
        return parts[1] if len(parts) >= 4 else ""

    def preview(self, characters: int = PREVIEW_CHARACTERS) -> str:
        """The start of the value, safe to print: JSON and text as they are, msgpack as JSON."""
        return preview(self.value, characters)

    def to_document(self, characters: int = PREVIEW_CHARACTERS) -> dict[str, Any]:
        """What `--json` prints; bytes only as a preview and their number."""
        return {
            "place": self.name,
            "parked_at_ms": self.parked_at_ms,
            "reason": self.reason,
            "message": self.message,
            "stage": self.stage,
            "source": str(self.source) if self.source else None,
            "domain": self.domain,
            "client": self.client,
            "key": None if self.key is None else printable(self.key),
            "value_bytes": None if self.value is None else len(self.value),
            "preview": self.preview(characters),
            "headers": {n: printable(v) for n, v in self.headers},
            "trace_id": self.trace_id,
            "requeued_from": self.requeued_from,
        }


def name_of(place: Position) -> str:
    """Partition and offset of a letter, as people type them.

    >>> name_of(Position("dead-letters", 0, 12))
    '0@12'
    """
    return f"{place.partition}@{place.offset}"


def _source(told: dict[str, str]) -> Position | None:
    try:
        return Position(told["dl_topic"], int(told["dl_partition"]), int(told["dl_offset"]))
    except (KeyError, ValueError):
        return None


def _parties(topic: str, key: str) -> tuple[str, str]:
    """Domain and client that a record's topic and key name."""
    for prefix in (INSIGHTS_PREFIX, GOSSIP_PREFIX):
        if topic.startswith(prefix):
            return topic.removeprefix(prefix), key
    if topic == GLOBAL_MEMORY:
        domain, _, client = key.partition("/")
        return domain, client
    if topic == DOMAINS:
        return key, ""
    return ("", key) if topic == CLIENTS else ("", "")
