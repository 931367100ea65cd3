import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.types import Outgoing
from scarcity.telemetry.trace_context import (
    MOST_TRACES,
    TraceContext,
    carrying,
    context_of,
    contexts_of,
    decode_context,
    sampled_context,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEX = st.text("0123456789abcdef", min_size=16, max_size=16).filter(lambda h: h.strip("0"))
CONTEXTS = st.builds(lambda a, b, s, f: TraceContext(a + b, s, f), HEX, HEX, HEX, st.booleans())
OUT = Outgoing("ledger", b"retail", b"{}", (("ce_id", b"1"),), 2)


@given(CONTEXTS)
def test_a_context_survives_its_header(context: TraceContext) -> None:
    assert decode_context(context.encode()) == context


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00-1-2-01",
        f"00-{TRACE}-{SPAN}".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"00-{TRACE}-{SPAN}-01\n".encode(),
        b"\xff" * 55,
    ],
)
def test_what_is_no_context_ends_the_trace_and_breaks_nothing(value: bytes) -> None:
    assert decode_context(value) is None
    assert contexts_of((("traceparent", value),)) == []


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """W3C, section 3.2.4: parse the parts of version 00, whatever follows."""
    assert decode_context(f"01-{TRACE}-{SPAN}-03-more".encode()) == TraceContext(TRACE, SPAN)


def test_an_unsampled_trace_is_known_and_not_recorded() -> None:
    headers = (("traceparent", f"00-{TRACE}-{SPAN}-00".encode()),)
    assert context_of(headers) == TraceContext(TRACE, SPAN, False)
    assert sampled_context(headers) is None
    assert contexts_of(headers) == []


@given(st.lists(CONTEXTS.map(lambda c: c._replace(is_sampled=True)), min_size=1, max_size=4))
def test_a_record_carries_all_that_it_came_of_and_is_otherwise_the_same(
    contexts: list[TraceContext],
) -> None:
    out = carrying(OUT, *contexts)
    assert contexts_of(out.headers) == contexts
    assert context_of(out.headers) == contexts[0]
    assert out._replace(headers=out.headers[:1]) == OUT


def test_no_context_changes_nothing_and_a_strangers_list_is_bounded() -> None:
    assert carrying(OUT) is OUT
    many = b",".join([TraceContext(TRACE, SPAN).encode()] * 1000)
    assert len(contexts_of((("sc_traceparents", many),))) == MOST_TRACES
