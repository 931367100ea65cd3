"""No bytes crash a decoder, and none make it take memory out of proportion."""

import contextlib
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.hostile import CLAIMS, HOSTILE, values_of

from scarcity.audit.bundle import read_bundle
from scarcity.broker.schemas import EVENTS
from scarcity.client.gossip_payload import read_message
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.errors import EventError, InputError, ServiceError

SOME = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# What a decoder may hold at once: the value in other shapes, and its own tables.
TIMES_THE_VALUE, BESIDES = 40, 1 << 20


@pytest.mark.parametrize("name", sorted(EVENTS))
@SOME
@given(data=st.data())
def test_a_decoder_gives_an_event_or_says_what_is_wrong(name: str, data: st.DataObject) -> None:
    for decode, tensors in ((decode_json, False), (decode_msgpack, True)):
        raw = data.draw(values_of(name, tensors))
        with contextlib.suppress(EventError):
            assert isinstance(decode(raw, EVENTS[name]), EVENTS[name])


@SOME
@given(values_of("GossipDeviation", tensors=True))
def test_a_gossip_payload_likewise(raw: bytes) -> None:
    with contextlib.suppress(EventError):
        read_message(raw)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_no_value_takes_memory_out_of_proportion(number: int) -> None:
    raw = HOSTILE[number]
    for kind in EVENTS.values():
        for decode in (decode_json, decode_msgpack):
            tracemalloc.start()
            with contextlib.suppress(EventError):
                decode(raw, kind)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak <= TIMES_THE_VALUE * len(raw) + BESIDES


def test_a_claim_of_four_thousand_million_items_is_refused() -> None:
    for claim in CLAIMS:
        with pytest.raises(EventError):
            decode_msgpack(claim, EVENTS["MetaState"])


@SOME
@given(st.binary(max_size=300))
def test_any_file_offered_as_a_bundle_is_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path: Path = tmp_path_factory.mktemp("bundle") / "x"
    path.write_bytes(raw)
    with pytest.raises((InputError, ServiceError)) as refused:
        read_bundle(path)
    assert "\n" not in str(refused.value)
