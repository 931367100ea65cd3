"""What the memory admits it can read again, however deep the one who reads stands."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.insights import insight, record

from scarcity.events.client_memory import ClientMemory
from scarcity.events.codec import decode_json
from scarcity.events.errors import Reason
from scarcity.events.types import Position, Record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.nesting import MAX_NESTING, is_deep

JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(st.sampled_from('[]{}"\\a'), max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from('[]{}"\\a'), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def nested(levels: int) -> bytes:
    """An insight with a field that no version knows, nested so deep."""
    plain = json.dumps(insight(sequence=1)).encode()
    inner = levels - 1
    return plain[:-1] + b', "later": ' + b"[" * inner + b"]" * inner + b"}"


def deeper(frames: int, call: Callable[[], Any]) -> Any:
    """Call from so many frames further down."""
    return call() if frames == 0 else deeper(frames - 1, call)


@given(JSON)
def test_depth_is_told_as_a_decoder_would(value: Any) -> None:
    inner = json.dumps(value).encode()
    for around in (MAX_NESTING - depth_of(value), MAX_NESTING - depth_of(value) + 1):
        text = b"[" * around + inner + b"]" * around
        assert is_deep(text) is (depth_of(json.loads(text)) > MAX_NESTING)


@pytest.mark.parametrize(
    "text",
    [b'"' + b'\\"' * 50_000, b'"' + b'\\"' * 50_000 + b"\\", b"[" * 64 + b'"' * 9],
    ids=["escaped quotes without end", "a last backslash", "an open string"],
)
def test_a_text_without_end_takes_one_pass(text: bytes) -> None:
    assert not is_deep(b"[]" * MAX_NESTING + text)


def test_an_insight_that_only_some_callers_could_read_is_refused_by_all() -> None:
    # msgspec alone reads some 990 levels from here, and fewer from further down.
    for levels in (MAX_NESTING + 1, 500, 980, 20_000):
        result = GlobalMemory().fold([record(nested(levels))])
        assert result.changed == []
        headers = dict(result.dead_letters[0].headers)
        assert headers["dl_reason"].decode() == Reason.MALFORMED
        if levels < 20_000:
            assert b"nests deeper" in headers["dl_message"]


def test_what_was_admitted_is_read_again_after_a_restart_from_anywhere() -> None:
    memory = GlobalMemory()
    (out,) = memory.fold([record(nested(MAX_NESTING))]).changed
    assert out.value is not None
    kept = Record(Position(out.topic, 0, 0), out.key, out.value, 0)

    def restart() -> None:
        again = GlobalMemory()
        again.restore([kept])
        assert again.fold([record(insight(sequence=2), 1)]).dead_letters == []
        assert again.client("shop-1") is not None
        assert decode_json(out.value, ClientMemory).latest.sequence == 1

    for frames in (0, 100, 500):
        deeper(frames, restart)
