"""The header that carries a trace from record to record.

Source: W3C Trace Context, Recommendation of 23 November 2021, section 3.2 (`traceparent`).
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from scarcity.events.types import Headers, Outgoing

TRACEPARENT: Final = "traceparent"
# One record that came of many insights: the contexts of all of them, by commas. `traceparent` is
# the first; W3C knows one parent only.
TRACEPARENTS: Final = "sc_traceparents"
MOST_TRACES: Final = 64  # of a record, and spans of a batch: 64 contexts are 3.5 KiB of headers
SAMPLED: Final = 1
LENGTH: Final = 55  # of the present version of the header
_EVEN: Final = b"02468ace"

_FORM: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceContext(NamedTuple):
    """A span as those after it name it: 16 and 8 bytes in lower-case hex, neither all zeros."""

    trace_id: str
    span_id: str
    is_sampled: bool = True

    def encode(self) -> bytes:
        """The header's value.

        >>> TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331").encode()
        b'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        """
        return f"00-{self.trace_id}-{self.span_id}-{self.is_sampled:02x}".encode()


def decode_context(value: bytes) -> TraceContext | None:
    """Read a header's value; None when it is none, which breaks nothing: the trace ends there.

    >>> decode_context(b"00-1-2-01") is None
    True
    """
    match = _FORM.fullmatch(value)
    if match is None or match[1] == b"ff" or (match[1] == b"00" and match[5] is not None):
        return None
    trace_id, span_id = match[2].decode(), match[3].decode()
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, bool(int(match[4], 16) & SAMPLED))


def is_surely_unsampled(value: bytes) -> bool:
    """Told by the last digit of the flags alone, at a tenth of the time of decoding.

    >>> is_surely_unsampled(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
    True
    """
    return len(value) == LENGTH and value[-1] in _EVEN


def context_of(headers: Headers) -> TraceContext | None:
    """The context that a record carries."""
    for name, value in headers:
        if name == TRACEPARENT:
            return decode_context(value)
    return None


def sampled_context(headers: Headers) -> TraceContext | None:
    """As :func:`context_of`, but None when nobody records that trace."""
    context = context_of(headers)
    return context if context is not None and context.is_sampled else None


def contexts_of(headers: Headers) -> list[TraceContext]:
    """All sampled contexts that a record came of; at most MOST_TRACES."""
    told = dict(headers)
    values = told.get(TRACEPARENTS, told.get(TRACEPARENT, b"")).split(b",")[:MOST_TRACES]
    found = (decode_context(value) for value in values)
    return [context for context in found if context is not None and context.is_sampled]


def carrying(out: Outgoing, *contexts: TraceContext) -> Outgoing:
    """The record with the contexts it came of; key, value and partition as they were."""
    if not contexts:
        return out
    headers = (*out.headers, (TRACEPARENT, contexts[0].encode()))
    if len(contexts) > 1:
        headers = (*headers, (TRACEPARENTS, _joined(contexts)))
    return out._replace(headers=headers)


def _joined(contexts: Iterable[TraceContext]) -> bytes:
    return b",".join(context.encode() for context in contexts)
