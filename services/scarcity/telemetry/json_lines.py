"""A log line as one JSON object, for those who collect logs.

What a line is about (topic, domain, …) is given as `extra` where it is logged: :func:`about`.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from scarcity.events.types import Headers, Position
from scarcity.telemetry.trace_context import TraceContext, context_of

# Fields beside time, level, logger, service and message; each only where it is known.
FIELDS: Final = (
    "topic", "partition", "offset", "domain", "version", "client", "reason", "trace_id", "span_id",
)  # fmt: skip


def about(
    position: Position | None = None,
    *,
    headers: Headers = (),
    context: TraceContext | None = None,
    **known: str | int | None,
) -> dict[str, Any]:
    """The `extra` of a log line.

    Args:
        position: where the record in question lies.
        headers: its headers, for the trace it belongs to; ``context`` when that is at hand.
        known: others of FIELDS; None is left out.

    >>> about(Position("insights.retail", 0, 7), domain="retail", version=None)
    {'topic': 'insights.retail', 'partition': 0, 'offset': 7, 'domain': 'retail'}
    """
    told: dict[str, Any] = {} if position is None else position._asdict()
    told.update({name: value for name, value in known.items() if value is not None})
    context = context or context_of(headers)
    if context is not None:
        told |= {"trace_id": context.trace_id, "span_id": context.span_id}
    return told


class JsonLines(logging.Formatter):
    """One object a line; an exception is its class and message.

    Args:
        service: told on every line.
    """

    def __init__(self, service: str = "") -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service or None,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: value for name in FIELDS if (value := vars(record).get(name)) is not None}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told["error"] = f"{type(error).__name__}: {error}"
        return encode_line(told)


def encode_line(told: Mapping[str, Any]) -> str:
    """JSON on one line; what JSON does not know is told as text."""
    known = {name: value for name, value in told.items() if value is not None}
    try:
        return orjson.dumps(known, default=str).decode()
    except TypeError:  # half of a surrogate pair, which is no text
        clean = {n: v if isinstance(v, int) else _clean(str(v)) for n, v in known.items()}
        return orjson.dumps(clean).decode()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
