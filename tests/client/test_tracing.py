"""A trace begins with a client's insight and ends where its process applies the version."""

import pytest
from tests.client.hosting import insights, parameters, running, until
from tests.client.worlds import clients, profile
from tests.telemetry.recorded import RecordedSpans

from scarcity.client.core import ClientGroup
from scarcity.client.tracing import ClientTraces
from scarcity.events.errors import EventError
from scarcity.events.types import Outgoing, Position, Record
from scarcity.simulation.log import MemoryLog
from scarcity.telemetry.trace_context import TraceContext, carrying, context_of

STRANGER = TraceContext("f" * 32, "f" * 16)


def told(*clients: str) -> list[Outgoing]:
    return [Outgoing("insights.retail", c.encode(), b"{}") for c in clients]


def version(*contexts: TraceContext) -> Record:
    out = carrying(Outgoing("meta-parameters", b"retail", b""), *contexts)
    return Record(Position(out.topic, 0, 9), out.key, out.value, 0, out.headers)


def test_each_insight_begins_a_trace_and_carries_it() -> None:
    spans = RecordedSpans()
    traces = ClientTraces(spans)
    carried, opened = traces.begin(told("a", "b"), 4, 1_000)
    traces.end(opened, 2_000)
    assert [context_of(out.headers) for out in carried] == [s.context for s in spans.spans]
    assert len({s.context.trace_id for s in spans.spans}) == 2
    assert [(s.parent, s.start_ns, s.end_ns) for s in spans.spans] == [(None, 1_000, 2_000)] * 2
    assert spans.spans[0].attributes["scarcity.version"] == 4
    assert [(o.topic, o.key, o.value) for o in carried] == [
        (o.topic, o.key, o.value) for o in told("a", "b")
    ]


def test_what_the_sampler_leaves_out_carries_nothing() -> None:
    carried, opened = ClientTraces(RecordedSpans(sampled=False)).begin(told("a"), 0, 0)
    assert carried == told("a")
    assert len(opened) == 1


def test_a_version_is_noted_once_in_each_trace_that_began_here() -> None:
    spans = RecordedSpans()
    traces = ClientTraces(spans)
    carried, _ = traces.begin(told("a", "b"), 4, 0)
    updates = [
        c._replace(span_id=f"{7 + i:016x}")
        for i, out in enumerate(carried)
        if (c := context_of(out.headers))
    ]
    for _ in range(2):
        traces.applied(version(STRANGER, *updates), 5, 10, 20)
    applied = spans.spans[2:]
    assert [s.parent for s in applied] == updates
    assert [s.attributes["scarcity.client"] for s in applied] == ["a", "b"]
    assert [(s.start_ns, s.end_ns, s.attributes["scarcity.version"]) for s in applied] == [
        (10, 20, 5)
    ] * 2


def test_without_tracing_nothing_is_added() -> None:
    traces = ClientTraces(None)
    assert traces.begin(told("a"), 0, 0) == (told("a"), [])
    traces.applied(version(STRANGER), 1, 0, 0)


async def test_a_host_traces_its_insights_to_the_version_that_came_of_them() -> None:
    log, spans = MemoryLog(), RecordedSpans()
    await log.publish(parameters(0))

    async def published() -> bool:
        return bool(await insights(log))

    async def applied() -> bool:
        return any(s.name == "client.apply" for s in spans.spans)

    async with running(log, ClientGroup(profile(), clients(1)), spans=spans):
        await until(published)
        (record,) = await log.read_all("insights.retail")
        context = context_of(record.headers)
        assert context is not None
        await log.publish(carrying(parameters(1), context._replace(span_id="a" * 16)))
        await until(applied)
    (begun, done) = (s for s in spans.spans if s.context.trace_id == context.trace_id)
    assert (begun.name, done.name, done.attributes["scarcity.version"]) == (
        "client.insight", "client.apply", 1,
    )  # fmt: skip
    assert 0 < begun.start_ns <= begun.end_ns <= done.end_ns


def test_a_view_that_refuses_a_version_ends_no_trace() -> None:
    from scarcity.client.tracing import TracedView
    from scarcity.client.view import DomainView

    view = TracedView(DomainView("retail", frozenset()), ClientTraces(RecordedSpans()), lambda: 0)
    with pytest.raises(EventError):
        view.apply(version(STRANGER))
