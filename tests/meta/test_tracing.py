"""The insights that a version used end in its record, each in its own trace."""

from tests.meta.feeding import folded, insight, memory_record, profile, started
from tests.telemetry.recorded import RecordedSpans

from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import Record
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication
from scarcity.meta.tracing import UpdateTraces, version_about
from scarcity.telemetry.trace_context import MOST_TRACES, TraceContext, contexts_of

MS = 1_000_000


def context(number: int, *, sampled: bool = True) -> TraceContext:
    return TraceContext(f"{number:032x}", f"{number:016x}", sampled)


def heard(client: str, offset: int, told: TraceContext | None, at_ms: int = 1_000) -> Record:
    record = memory_record(folded(insight("retail", client, 1), offset=offset, at_ms=at_ms))
    headers = (("traceparent", told.encode()),) if told else ()
    return record._replace(headers=headers)


def version_of(meta: MetaCoordinator, *records: Record) -> list[Publication]:
    for record in records:
        meta.observe(record)
    return meta.advance(5_000)


def test_a_version_has_a_span_for_each_sampled_insight_it_used() -> None:
    spans = RecordedSpans()
    traces = UpdateTraces(spans)
    meta, _ = started(profile("retail"))
    records = [heard("a", 3, context(10)), heard("b", 5, context(11, sampled=False))]
    for record in records:
        traces.heard(record)
    due, opened = traces.begin(version_of(meta, *records), 1_250 * MS)
    traces.end(opened, 1_300 * MS)
    (span,) = spans.spans
    assert (span.name, span.parent, span.end_ns) == ("meta.update", context(10), 1_300 * MS)
    assert span.attributes["scarcity.version"] == 1
    assert span.attributes["scarcity.waited_ms"] == 250
    (publication,) = due
    carried = {out.topic: contexts_of(out.headers) for out in publication.outgoing}
    assert set(carried) == {"meta-parameters", "meta-state", "ledger"}
    assert all(found == [span.context] for found in carried.values())
    about = version_about(publication)
    assert (about["domain"], about["version"]) == ("retail", 1)
    assert about["trace_id"] == context(10).trace_id


def test_the_parameters_carry_every_trace_and_the_rest_the_first() -> None:
    traces = UpdateTraces(RecordedSpans())
    many = MOST_TRACES + 6
    meta, _ = started(profile("retail", policy=RoundPolicy(min_clients=many, quorum=1.0)))
    records = [heard(f"c{i:03}", i, context(100 + i)) for i in range(many)]
    for record in records:
        traces.heard(record)
    (publication,), opened = traces.begin(version_of(meta, *records), 0)
    assert len(opened) == MOST_TRACES
    carried = {out.topic: contexts_of(out.headers) for out in publication.outgoing}
    assert carried["meta-parameters"] == [span.context for span in opened]
    assert carried["ledger"] == [opened[0].context]


def test_an_insight_that_no_version_used_yet_waits() -> None:
    traces = UpdateTraces(RecordedSpans())
    meta, _ = started(profile("retail"))
    traces.heard(heard("a", 3, context(10)))
    assert traces.begin(version_of(meta, heard("a", 3, None)), 0) == ([], [])
    both, opened = traces.begin(version_of(meta, heard("b", 5, None)), 0)
    assert [span.context.trace_id for span in opened] == [context(10).trace_id]
    assert traces.begin(both, 0) == (both, [])


def test_without_tracing_the_publications_are_the_same_objects() -> None:
    traces = UpdateTraces(None)
    meta, _ = started(profile("retail"))
    records = [heard("a", 3, context(10)), heard("b", 5, None)]
    for record in records:
        traces.heard(record)
    due = version_of(meta, *records)
    assert traces.begin(due, 0) == (due, [])
    assert "trace_id" not in version_about(due[0])


def test_a_record_that_does_not_decode_is_left_to_the_coordinator() -> None:
    UpdateTraces(RecordedSpans()).heard(heard("a", 3, context(10))._replace(value=b"{"))
