"""What every event's codec must do."""

import contextlib

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.codec import (
    SCHEMA_VERSION,
    canonical_json,
    decode_json,
    decode_msgpack,
    encode_json,
    encode_msgpack,
)
from scarcity.events.errors import EventError, Reason
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import PartitionInputs
from scarcity.events.meta_state import MetaState
from scarcity.events.tensor import TensorPayload

INSIGHT = Insight("shop-7", {"expert_0": ExpertInsight(0.5, 8)}, 0.5, 8, "retail", sequence=1)


def test_an_insight_survives_json() -> None:
    assert decode_json(encode_json(INSIGHT), Insight) == INSIGHT


def test_the_insight_has_the_fields_users_know() -> None:
    plain = msgspec.json.decode(encode_json(INSIGHT))
    assert set(plain) - {"sequence", "schema_version"} == {
        "client_id", "expert_insights", "avg_loss", "total_samples", "domain",
    }  # fmt: skip


def test_a_tensor_event_survives_msgpack() -> None:
    state = MetaState(
        "retail", tensors={"z": TensorPayload((2,), "int8", b"\x01\xff")}, used={0: 9}
    )
    assert decode_msgpack(encode_msgpack(state), MetaState) == state


def test_unknown_fields_are_ignored() -> None:
    plain = msgspec.json.decode(encode_json(INSIGHT)) | {"colour": "red"}
    assert decode_json(msgspec.json.encode(plain), Insight) == INSIGHT


def test_a_newer_minor_version_is_read() -> None:
    plain = msgspec.json.decode(encode_json(INSIGHT)) | {"schema_version": "1.7"}
    assert decode_json(msgspec.json.encode(plain), Insight).schema_version == "1.7"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (b"{", Reason.MALFORMED),
        (b"[]", Reason.MALFORMED),
        (b"\xff\xfe", Reason.MALFORMED),
        (b"[" * 100_000, Reason.MALFORMED),
        (b'{"client_id": "a"}', Reason.MALFORMED),
        (b'{"schema_version": "2.0", "who": "a"}', Reason.SCHEMA_VERSION),
        (b'{"schema_version": "soon"}', Reason.MALFORMED),
        (b" " * (1 << 20) + b"{}", Reason.TOO_LARGE),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(value: bytes | None, reason: Reason) -> None:
    with pytest.raises(EventError) as refused:
        decode_json(value, Insight)
    assert refused.value.reason is reason


def test_a_tensor_whose_bytes_do_not_fit_its_shape_is_malformed() -> None:
    tensor = {"shape": [3], "dtype": "float64", "data": b"\0" * 8}
    raw = msgspec.msgpack.encode({"key": "retail", "tensors": {"z": tensor}})
    with pytest.raises(EventError) as refused:
        decode_msgpack(raw, MetaState)
    assert refused.value.reason is Reason.MALFORMED
    assert "needs 24 bytes, got 8" in str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_crash_a_decoder(raw: bytes) -> None:
    for decode, kind in ((decode_json, Insight), (decode_msgpack, MetaState)):
        with contextlib.suppress(EventError):
            decode(raw, kind)


@given(st.sets(st.integers(0, 2**40), max_size=50))
def test_delta_coded_offsets_come_back(offsets: set[int]) -> None:
    assert PartitionInputs.of(0, list(offsets)).offsets() == sorted(offsets)


@given(
    st.builds(
        Insight,
        client_id=st.text(max_size=4),
        expert_insights=st.dictionaries(
            st.sampled_from(["expert_0", "expert_7"]),
            st.builds(
                ExpertInsight,
                st.floats(0, 1e12),
                st.integers(0, 99),
                previous_loss=st.none() | st.floats(0, 9),
                slopes=st.none() | st.lists(st.integers(-(2**40), 2**40), max_size=3),
                candidate_losses=st.none()
                | st.dictionaries(st.sampled_from(["family", "default"]), st.floats(0, 1)),
            ),
        ),
        avg_loss=st.floats(0, 1),
        total_samples=st.integers(0, 99),
        domain=st.just("retail"),
        sequence=st.none() | st.integers(0, 2**53),
        schema_version=st.sampled_from([SCHEMA_VERSION, "1.7"]),
    )
)
def test_the_canonical_json_leaves_out_what_has_its_default_and_nothing_else(
    insight: Insight,
) -> None:
    def plain(event: msgspec.Struct) -> dict[str, object]:
        default = {f.name: f.default for f in msgspec.structs.fields(event)}
        told = msgspec.structs.asdict(event)
        return {name: value for name, value in told.items() if value != default[name]}

    experts = {name: plain(expert) for name, expert in insight.expert_insights.items()}
    expected = plain(insight) | {"expert_insights": experts}
    raw = orjson.dumps(expected, option=orjson.OPT_SORT_KEYS)
    assert canonical_json(insight) == raw
    assert canonical_json(decode_json(encode_json(insight), Insight)) == raw


def test_every_event_carries_the_version() -> None:
    assert msgspec.json.decode(encode_json(INSIGHT))["schema_version"] == SCHEMA_VERSION
