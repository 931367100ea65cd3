"""Spans that are kept in a list: what services record, without OpenTelemetry."""

from dataclasses import dataclass, field

from scarcity.telemetry.spans import Attributes, Kind
from scarcity.telemetry.trace_context import TraceContext


@dataclass
class RecordedSpan:
    """``end_ns`` 0: it has not ended."""

    name: str
    kind: Kind
    start_ns: int
    parent: TraceContext | None
    context: TraceContext
    attributes: dict[str, object]
    end_ns: int = 0
    error: str = ""

    def end(self, end_ns: int, attributes: Attributes, *, error: str = "") -> None:
        assert not self.end_ns, "ended twice"
        self.end_ns, self.error = end_ns, error
        self.attributes |= attributes


@dataclass
class RecordedSpans:
    """Counts ids up; with ``sampled`` False every new trace is left unsampled."""

    sampled: bool = True
    spans: list[RecordedSpan] = field(default_factory=list)

    def start(
        self,
        name: str,
        *,
        kind: Kind,
        start_ns: int,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
    ) -> RecordedSpan:
        number = len(self.spans) + 1
        trace_id = parent.trace_id if parent else f"{number:032x}"
        context = TraceContext(trace_id, f"{number:016x}", self.sampled)
        span = RecordedSpan(name, kind, start_ns, parent, context, dict(attributes or {}))
        self.spans.append(span)
        return span
