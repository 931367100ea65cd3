"""Whatever an event holds, its codec gives back; and what is hashed does not depend on the way."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.events.strategies import event_of

from scarcity.broker.schemas import EVENTS
from scarcity.events.codec import (
    canonical_json,
    decode_json,
    decode_msgpack,
    encode_json,
    encode_msgpack,
)

# Tensors and raw bytes have no JSON of their own.
TENSOR_EVENTS = {
    "Checkpoint",
    "GossipDeviation",
    "GossipWeights",
    "MetaParameters",
    "MetaState",
    "Ruling",
    "SealedDeviation",
    "SecureKeys",
    "SecureRound",
    "SecureTerm",
}
SOME = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", sorted(EVENTS))
@SOME
@given(data=st.data())
def test_an_event_survives_msgpack(name: str, data: st.DataObject) -> None:
    event = data.draw(event_of(EVENTS[name]))
    assert decode_msgpack(encode_msgpack(event), type(event)) == event


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - TENSOR_EVENTS))
@SOME
@given(data=st.data())
def test_an_event_survives_json_and_hashes_alike_on_both_sides(
    name: str, data: st.DataObject
) -> None:
    event = data.draw(event_of(EVENTS[name]))
    again = decode_json(encode_json(event), type(event))
    assert again == event
    assert canonical_json(again) == canonical_json(event)


@pytest.mark.parametrize("name", sorted(EVENTS))
@SOME
@given(data=st.data())
def test_a_field_of_a_later_version_is_ignored(name: str, data: st.DataObject) -> None:
    event = data.draw(event_of(EVENTS[name]))
    plain = msgspec.msgpack.decode(encode_msgpack(event))
    plain["from_a_later_version"] = {"nested": [1, 2]}
    assert decode_msgpack(msgspec.msgpack.encode(plain), type(event)) == event
