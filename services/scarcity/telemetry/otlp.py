"""Spans to an OTLP collector, by OpenTelemetry's SDK; off unless the environment names one.

OpenTelemetry's own keys hold (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, …): its SDK reads them.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from scarcity.telemetry.spans import Attributes, Kind, OpenSpan, Spans
from scarcity.telemetry.trace_context import TraceContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

logger = logging.getLogger(__name__)

ENDPOINT_KEYS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED_KEY: Final = "OTEL_SDK_DISABLED"
SERVICE_NAME_KEY: Final = "OTEL_SERVICE_NAME"
TIMEOUT_KEYS: Final = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
# A collector that is away must not hold a service up when it stops.
TIMEOUT_S: Final = 2.0


def spans_of(environ: Mapping[str, str], service: str) -> Spans | None:
    """What records the spans of a service; None when tracing is off.

    Args:
        service: e.g. `memory`; named `scarcity-memory` unless OTEL_SERVICE_NAME says otherwise.
    """
    if not is_wanted(environ):
        return None
    try:
        return OtlpSpans.connect(environ, service)
    except ModuleNotFoundError as error:
        # Not an error: some clusters set the endpoint in every pod.
        logger.warning(
            "traces are off: a collector is named, but %s is not installed "
            "(pip install 'scarcity[telemetry]')",
            error.name,
        )
        return None


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and does not switch the SDK off.

    >>> is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}), is_wanted({})
    (True, False)
    """
    if environ.get(DISABLED_KEY, "").lower() == "true":
        return False
    return any(environ.get(key) for key in ENDPOINT_KEYS)


class OtlpSpans:
    """Spans of one service. Not the process's global tracer: several services may share one."""

    def __init__(self, provider: "TracerProvider") -> None:
        from scarcity import __version__

        self._provider = provider
        self._tracer = provider.get_tracer("scarcity", __version__)

    @classmethod
    def connect(cls, environ: Mapping[str, str], service: str) -> "OtlpSpans":
        """Spans that are sent in batches, by a thread of the SDK's.

        Raises:
            ModuleNotFoundError: the extra `telemetry` is not installed.
        """
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        name = environ.get(SERVICE_NAME_KEY) or f"scarcity-{service}"
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        told = any(environ.get(key) for key in TIMEOUT_KEYS)
        exporter = OTLPSpanExporter(timeout=None if told else TIMEOUT_S)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        endpoint = next(environ[key] for key in ENDPOINT_KEYS if environ.get(key))
        logger.info("traces of %s go to %s", name, endpoint)
        return cls(provider)

    def start(
        self,
        name: str,
        *,
        kind: Kind,
        start_ns: int,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
    ) -> OpenSpan:
        """Begin a span; see :class:`Spans`."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context

        kinds = {"producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER}
        context = Context()
        if parent is not None:
            context = set_span_in_context(_remote(parent), context)
        span = self._tracer.start_span(
            name, context, kinds[kind], dict(attributes or {}), start_time=start_ns
        )
        return _OtlpSpan(span)

    def close(self) -> None:
        """Send what waits, and end the thread."""
        self._provider.shutdown()


class _OtlpSpan:
    def __init__(self, span: "Span") -> None:
        self._span = span
        told = span.get_span_context()
        self.context = TraceContext(
            f"{told.trace_id:032x}", f"{told.span_id:016x}", told.trace_flags.sampled
        )

    def end(self, end_ns: int, attributes: Attributes, *, error: str = "") -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attributes(dict(attributes))
        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end(end_ns)


def _remote(parent: TraceContext) -> Any:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    flags = TraceFlags(TraceFlags.SAMPLED if parent.is_sampled else TraceFlags.DEFAULT)
    context = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), True, flags)
    return NonRecordingSpan(context)
