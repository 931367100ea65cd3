"""The fold's part of traces: a span for each sampled insight of a batch, and nothing for others.

What is folded does not depend on it: spans are begun before the fold, and their contexts go into
the headers of records that the fold has already made. Pure; times are passed in.
"""

from collections.abc import Iterable
from typing import Any

from scarcity.events.client_memory import memory_key
from scarcity.events.dead_letter import describe_parked
from scarcity.events.topics import INSIGHTS_PREFIX
from scarcity.events.types import Outgoing, Position, Record
from scarcity.memory.folded_client import source_offset
from scarcity.memory.global_memory import FoldResult
from scarcity.telemetry.json_lines import about
from scarcity.telemetry.spans import CLIENT, DOMAIN, OUTCOME, OpenSpan, Spans, place_attributes
from scarcity.telemetry.trace_context import (
    MOST_TRACES,
    TRACEPARENT,
    TraceContext,
    carrying,
    decode_context,
    is_surely_unsampled,
)


class FoldTraces:
    """Begins the spans of batches; without ``spans`` it begins none, and looks at no record."""

    def __init__(self, spans: Spans | None) -> None:
        self._spans = spans

    def begin(self, records: Iterable[Record], start_ns: int) -> "BatchTraces":
        """Begin spans of the sampled insights of a batch, at most MOST_TRACES of them."""
        opened: dict[Position, tuple[bytes, OpenSpan]] = {}
        if self._spans is None:
            return BatchTraces(opened)
        for record in records:
            # Written out: with tracing on, every insight passes here.
            for name, value in record.headers:
                if name == TRACEPARENT:
                    if is_surely_unsampled(value):
                        break
                    context = decode_context(value)
                    if context is not None and context.is_sampled:
                        opened[record.position] = _open(self._spans, record, context, start_ns)
                    break
            if len(opened) == MOST_TRACES:
                break
        return BatchTraces(opened)


class BatchTraces:
    """The spans of one batch. One that is never ended, as its batch was not committed, is dropped.

    Args:
        opened: by position of the insight: key of its client's record, and its span.
    """

    def __init__(self, opened: dict[Position, tuple[bytes, OpenSpan]]) -> None:
        self._opened = opened
        self._outcomes: dict[Position, str] = {}

    def carried(self, result: FoldResult) -> FoldResult:
        """The result, with the context of each client's latest insight where that is traced."""
        if not self._opened:
            return result
        spans: dict[bytes, dict[int, Position]] = {}
        for position, (key, _) in self._opened.items():
            spans.setdefault(key, {})[position.offset] = position
        changed = []
        for out in result.changed:
            told = spans.get(out.key or b"")
            at = told.get(source_offset(out.value)) if told and out.value is not None else None
            if at is not None:
                self._outcomes[at] = "folded"
                out = carrying(out, self._opened[at][1].context)
            changed.append(out)
        for parked in result.dead_letters:
            self._outcomes[source_of(parked)] = "parked"
        return result._replace(changed=changed)

    def end(self, end_ns: int) -> None:
        """End the spans: the batch is committed."""
        for position, (_, span) in self._opened.items():
            # A duplicate, or an insight that a newer one of its client has replaced within a batch.
            outcome = self._outcomes.get(position, "superseded")
            error = "parked in dead-letters" if outcome == "parked" else ""
            span.end(end_ns, {OUTCOME: outcome}, error=error)


def _open(
    spans: Spans, record: Record, parent: TraceContext, start_ns: int
) -> tuple[bytes, OpenSpan]:
    domain = record.position.topic.removeprefix(INSIGHTS_PREFIX)
    client = (record.key or b"").decode(errors="replace")
    attributes = place_attributes(record.position) | {DOMAIN: domain, CLIENT: client}
    span = spans.start(
        "memory.fold", kind="consumer", start_ns=start_ns, parent=parent, attributes=attributes
    )
    return memory_key(domain, client), span


def source_of(parked: Outgoing) -> Position:
    """Where the record of a dead letter lay."""
    told = dict(parked.headers)
    return Position(told["dl_topic"].decode(), int(told["dl_partition"]), int(told["dl_offset"]))


def parked_line(parked: list[Outgoing]) -> tuple[str, dict[str, Any]]:
    """Text of the log line of a batch's dead letters, and what it is about: the first of them."""
    first, source = parked[0], source_of(parked[0])
    reason = dict(first.headers)["dl_reason"].decode()
    domain = source.topic.removeprefix(INSIGHTS_PREFIX)
    client = None if first.key is None else first.key.decode(errors="replace")
    told = about(source, headers=first.headers, domain=domain, client=client, reason=reason)
    return f"parked {len(parked)}, the first: {describe_parked(first)}", told
