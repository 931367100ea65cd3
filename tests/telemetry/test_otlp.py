"""Spans reach a collector by the SDK; without one nothing is imported and nothing is done."""

import subprocess
import sys

import pytest
from tests.telemetry.collector import collector

from scarcity.telemetry.otlp import OtlpSpans, is_wanted, spans_of
from scarcity.telemetry.trace_context import TraceContext

PARENT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
def test_traces_are_off_unless_a_collector_is_named(environ: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environ) is wanted
    if not wanted:
        assert spans_of(environ, "memory") is None


def test_a_service_without_a_collector_does_not_load_opentelemetry() -> None:
    code = (
        "import sys; from scarcity.memory.service import FoldWorker, spans_of; "
        "assert spans_of({}, 'memory') is None; "
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_span_reaches_the_collector_in_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as found:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": found.endpoint}
        monkeypatch.setenv(*environ.copy().popitem())
        spans = spans_of(environ, "memory")
        assert isinstance(spans, OtlpSpans)
        first = spans.start("a", kind="producer", start_ns=1_000)
        second = spans.start("b", kind="consumer", start_ns=2_000, parent=first.context)
        second.end(3_000, {"scarcity.version": 7}, error="parked")
        first.end(4_000, {})
        spans.close()
    (trace,) = found.traces().values()
    assert [(s.service, s.name, s.parent) for s in trace] == [
        ("scarcity-memory", "a", ""),
        ("scarcity-memory", "b", first.context.span_id),
    ]
    assert (trace[1].start_ns, trace[1].end_ns, trace[1].is_error) == (2_000, 3_000, True)
    assert trace[1].attributes == {"scarcity.version": 7}


def test_the_sampler_of_the_environment_decides_at_the_root_and_parents_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "our-memory")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
        spans = OtlpSpans.connect({"OTEL_EXPORTER_OTLP_ENDPOINT": found.endpoint}, "memory")
        root = spans.start("root", kind="producer", start_ns=1)
        assert not root.context.is_sampled
        root.end(2, {})
        child = spans.start("child", kind="consumer", start_ns=1, parent=PARENT)
        child.end(2, {})
        spans.close()
    assert [(s.name, s.trace, s.parent) for s in found.spans] == [("child", *PARENT[:2])]
