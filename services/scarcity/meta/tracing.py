"""Meta's part of traces: a span for each sampled insight that a version used. Pure.

A version comes of many insights, each in a trace of its own, so its record carries the contexts of
all of them (`telemetry/trace_context.py`), at most MOST_TRACES.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from scarcity.events.client_memory import Source
from scarcity.events.topics import GLOBAL_MEMORY, INSIGHTS_PREFIX, META_PARAMETERS
from scarcity.events.types import Record
from scarcity.meta.publishing import Publication
from scarcity.telemetry.json_lines import about
from scarcity.telemetry.spans import DOMAIN, VERSION, OpenSpan, Spans, place_attributes
from scarcity.telemetry.trace_context import MOST_TRACES, TraceContext, carrying, sampled_context

MOST_WAITING: Final = 4096  # traces whose insight no version has used yet


class _Line(msgspec.Struct, gc=False):
    source: Source


_decoder = msgspec.json.Decoder(_Line)


class UpdateTraces:
    """Contexts of pending insights, and the spans of versions; none without ``spans``."""

    def __init__(self, spans: Spans | None) -> None:
        self._spans = spans
        # By insights topic, partition and offset: the context, and where the memory's record lies.
        self._waiting: OrderedDict[tuple[str, int, int], tuple[TraceContext, Record]] = (
            OrderedDict()
        )

    def heard(self, record: Record) -> None:
        """Note a record of `global-memory` that carries a sampled trace."""
        if self._spans is None or record.position.topic != GLOBAL_MEMORY or record.value is None:
            return
        context = sampled_context(record.headers)
        if context is None:
            return
        try:
            source = _decoder.decode(record.value).source
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # the coordinator parks it
        told = record._replace(key=None, value=None, headers=())
        self._waiting[source.topic, source.partition, source.offset] = (context, told)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    def begin(
        self, due: list[Publication], start_ns: int
    ) -> tuple[list[Publication], list[OpenSpan]]:
        """Begin the spans of the insights that versions used; they wait no more.

        Returns:
            The publications with their contexts, and the spans to end.
        """
        if self._spans is None or not self._waiting:
            return due, []
        told: list[Publication] = []
        opened: list[OpenSpan] = []
        for publication in due:
            own = list(self._open(self._spans, publication, start_ns))
            told.append(_carried(publication, own))
            opened += own
        return told, opened

    def end(self, opened: Iterable[OpenSpan], end_ns: int) -> None:
        """End the spans: the versions are committed."""
        for span in opened:
            span.end(end_ns, {})

    def _open(self, spans: Spans, publication: Publication, start_ns: int) -> Iterator[OpenSpan]:
        for context, record in self._used(publication)[:MOST_TRACES]:
            entry = publication.entry
            assert entry is not None
            attributes = place_attributes(record.position) | {
                DOMAIN: entry.domain,
                VERSION: entry.version,
                "scarcity.closed_by": entry.closed_by,
                "scarcity.clients": entry.clients,
                "scarcity.reverted": entry.reverted,
                # Since the fold's record: how long the insight waited for its round to close.
                "scarcity.waited_ms": start_ns // 1_000_000 - record.timestamp_ms,
            }
            yield spans.start(
                "meta.update",
                kind="consumer",
                start_ns=start_ns,
                parent=context,
                attributes=attributes,
            )

    def _used(self, publication: Publication) -> list[tuple[TraceContext, Record]]:
        entry = publication.entry
        if entry is None:
            return []
        topic = INSIGHTS_PREFIX + entry.domain
        places = ((topic, i.partition, offset) for i in entry.inputs for offset in i.offsets())
        found = (self._waiting.pop(place, None) for place in places)
        return [one for one in found if one is not None]


def _carried(publication: Publication, opened: list[OpenSpan]) -> Publication:
    """The publication with the contexts of its spans: all of them on the parameters' record."""
    if not opened:
        return publication
    contexts = [span.context for span in opened]
    outgoing = tuple(
        carrying(out, *(contexts if out.topic == META_PARAMETERS else contexts[:1]))
        for out in publication.outgoing
    )
    return replace(publication, outgoing=outgoing)


def version_about(publication: Publication) -> dict[str, Any]:
    """What a log line of a publication is about."""
    entry = publication.entry
    headers = publication.outgoing[0].headers if publication.outgoing else ()
    version = None if entry is None else entry.version
    return about(headers=headers, domain=publication.domain, version=version)
