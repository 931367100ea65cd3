"""Spans of a batch, and that the fold is the same with and without them."""

import pytest
from tests.memory.insights import insight, record
from tests.telemetry.recorded import RecordedSpans

from scarcity.events.types import Record
from scarcity.memory.global_memory import FoldResult, GlobalMemory
from scarcity.memory.tracing import FoldTraces, parked_line
from scarcity.telemetry.trace_context import MOST_TRACES, TraceContext, context_of


def traced(of: Record, number: int, *, sampled: bool = True) -> Record:
    context = TraceContext(f"{number:032x}", f"{number:016x}", sampled)
    return of._replace(headers=(("ce_id", b"1"), ("traceparent", context.encode())))


def told(client: str, offset: int, **fields: int) -> Record:
    return record(insight(client, **fields), offset)


BATCH = [
    traced(told("a", 0), 10),
    traced(told("b", 1), 11, sampled=False),
    traced(told("c", 2), 12),
    told("c", 3),  # newer than the traced one
    traced(record(b"{", 4, key=b"d"), 13),
    traced(told("e", 5, sequence=1), 14),
    traced(told("e", 6, sequence=1), 15),  # a duplicate
]


def folded(batch: list[Record], spans: RecordedSpans | None) -> FoldResult:
    traces = FoldTraces(spans).begin(batch, 1_000)
    result = traces.carried(GlobalMemory().fold(batch))
    traces.end(2_000)
    return result


def test_each_sampled_insight_has_a_span_that_tells_what_became_of_it() -> None:
    spans = RecordedSpans()
    folded(BATCH, spans)
    found = {
        s.parent.trace_id[-2:]: s.attributes["scarcity.outcome"]
        for s in spans.spans
        if s.parent is not None
    }
    assert found == {
        "0a": "folded", "0c": "superseded", "0d": "parked", "0e": "folded", "0f": "superseded",
    }  # fmt: skip
    assert all((s.start_ns, s.end_ns) == (1_000, 2_000) for s in spans.spans)
    assert [s.attributes["scarcity.client"] for s in spans.spans if s.error] == ["d"]


def test_a_clients_record_carries_the_span_of_its_latest_insight_and_no_other() -> None:
    spans = RecordedSpans()
    carried = {out.key: context_of(out.headers) for out in folded(BATCH, spans).changed}
    by_client = {s.attributes["scarcity.client"]: s.context for s in reversed(spans.spans)}
    assert carried == {
        b"retail/a": by_client["a"],
        b"retail/b": None,
        b"retail/c": None,
        b"retail/e": by_client["e"],
    }


def test_no_byte_of_the_fold_depends_on_tracing() -> None:
    plain = [r._replace(headers=()) for r in BATCH]
    with_traces, without = folded(BATCH, RecordedSpans()), folded(plain, None)
    assert [(o.topic, o.key, o.value, o.partition) for o in with_traces.changed] == [
        (o.topic, o.key, o.value, o.partition) for o in without.changed
    ]
    off = folded(BATCH, None)
    assert off.changed == without.changed
    assert off.dead_letters == with_traces.dead_letters


@pytest.mark.parametrize("count", [1, MOST_TRACES, MOST_TRACES + 40])
def test_the_spans_of_a_batch_are_bounded(count: int) -> None:
    spans = RecordedSpans()
    folded([traced(told(f"c{i}", i), 1 + i) for i in range(count)], spans)
    assert len(spans.spans) == min(count, MOST_TRACES)


def test_a_parked_record_is_logged_with_its_place_and_its_trace() -> None:
    line, about = parked_line(folded(BATCH, None).dead_letters)
    assert line.startswith("parked 1, the first: insights.retail[0]@4: malformed")
    assert about == {
        "topic": "insights.retail", "partition": 0, "offset": 4, "domain": "retail", "client": "d",
        "reason": "malformed", "trace_id": f"{13:032x}", "span_id": f"{13:016x}",
    }  # fmt: skip
