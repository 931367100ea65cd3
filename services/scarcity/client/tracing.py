"""A client's part of traces: where one begins, and where the version that came of it is applied.

Pure; times are passed in.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from scarcity.client.view import DomainView
from scarcity.events.topics import INSIGHTS_PREFIX, META_PARAMETERS
from scarcity.events.types import Outgoing, Record
from scarcity.telemetry.spans import (
    CLIENT,
    DOMAIN,
    VERSION,
    Attributes,
    OpenSpan,
    Spans,
    place_attributes,
)
from scarcity.telemetry.trace_context import carrying, contexts_of

MOST_BEGUN: Final = 4096  # traces whose version has not come yet


class ClientTraces:
    """Traces of the clients of one process; without ``spans`` there are none."""

    def __init__(self, spans: Spans | None) -> None:
        self._spans = spans
        self._begun: OrderedDict[str, str] = OrderedDict()  # client by trace

    def begin(
        self, insights: Iterable[Outgoing], version: int, start_ns: int
    ) -> tuple[list[Outgoing], list[OpenSpan]]:
        """Begin a trace of each insight, as far as the sampler wants one.

        Args:
            version: that the clients started from.
            start_ns: when their training began.

        Returns:
            The insights, the sampled ones with their context; and the spans to end.
        """
        if self._spans is None:
            return list(insights), []
        carried: list[Outgoing] = []
        opened: list[OpenSpan] = []
        for out in insights:
            client = (out.key or b"").decode(errors="replace")
            attributes: Attributes = {
                "messaging.system": "kafka",
                "messaging.destination.name": out.topic,
                DOMAIN: out.topic.removeprefix(INSIGHTS_PREFIX),
                CLIENT: client,
                VERSION: version,
            }
            span = self._spans.start(
                "client.insight", kind="producer", start_ns=start_ns, attributes=attributes
            )
            opened.append(span)
            if span.context.is_sampled:
                self._begun[span.context.trace_id] = client
                out = carrying(out, span.context)
            carried.append(out)
        while len(self._begun) > MOST_BEGUN:
            self._begun.popitem(last=False)
        return carried, opened

    def end(self, opened: Iterable[OpenSpan], end_ns: int) -> None:
        """End the spans: the broker has acknowledged the insights."""
        for span in opened:
            span.end(end_ns, {})

    def applied(self, record: Record, version: int | None, start_ns: int, end_ns: int) -> None:
        """A record of `meta-parameters` was applied: spans in the traces that began here.

        Traces of other processes' clients are left to those; a version is applied by thousands.
        """
        if self._spans is None or not self._begun:
            return
        for context in contexts_of(record.headers):
            client = self._begun.pop(context.trace_id, None)
            if client is None:
                continue
            attributes = place_attributes(record.position) | {
                DOMAIN: (record.key or b"").decode(errors="replace"),
                CLIENT: client,
            }
            span = self._spans.start(
                "client.apply",
                kind="consumer",
                start_ns=start_ns,
                parent=context,
                attributes=attributes,
            )
            span.end(end_ns, {} if version is None else {VERSION: version})


class TracedView:
    """A view whose versions are noted when they are applied; what `follow_view` drives."""

    def __init__(self, view: DomainView, traces: ClientTraces, now_ns: Callable[[], int]) -> None:
        self._view = view
        self._traces = traces
        self._now_ns = now_ns

    def apply(self, record: Record) -> None:
        """As :meth:`DomainView.apply`; raises the same."""
        if record.position.topic != META_PARAMETERS:
            self._view.apply(record)
            return
        start_ns = self._now_ns()
        self._view.apply(record)
        current = self._view.versions.current
        number = None if current is None else current.number
        self._traces.applied(record, number, start_ns, self._now_ns())
