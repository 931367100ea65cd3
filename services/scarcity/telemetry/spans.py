"""What a service needs to record its part of a trace; `telemetry/otlp.py` meets it.

None stands for "off": a service asks once whether it has one, and does nothing else for traces.
"""

from collections.abc import Mapping
from typing import Final, Literal, Protocol

from scarcity.events.types import Position
from scarcity.telemetry.trace_context import TraceContext

Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["producer", "consumer"]

DOMAIN: Final = "scarcity.domain"
VERSION: Final = "scarcity.version"
CLIENT: Final = "scarcity.client"
OUTCOME: Final = "scarcity.outcome"


class OpenSpan(Protocol):
    """A span that has begun."""

    @property
    def context(self) -> TraceContext:
        """What those after it name as their parent."""
        ...

    def end(self, end_ns: int, attributes: Attributes, *, error: str = "") -> None:
        """End it, at unix time in nanoseconds; ``error``: what went wrong, empty when nothing."""
        ...


class Spans(Protocol):
    """Makes spans."""

    def start(
        self,
        name: str,
        *,
        kind: Kind,
        start_ns: int,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
    ) -> OpenSpan:
        """Begin a span at unix time ``start_ns``; without a parent it begins a trace."""
        ...


def place_attributes(position: Position) -> dict[str, str | int | float | bool]:
    """Where a record lies, by OpenTelemetry's names.

    Source: OpenTelemetry semantic conventions 1.37, messaging, Kafka.
    """
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": position.topic,
        "messaging.destination.partition.id": str(position.partition),
        "messaging.kafka.offset": position.offset,
    }
