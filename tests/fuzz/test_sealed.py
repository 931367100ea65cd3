"""Whatever is registered or sealed, a client that trades takes it or refuses it, and goes on."""

import contextlib
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.client.sealed_world import keys_of, parties, plan, registration
from tests.fuzz.hostile import values_of

from scarcity.client.gossip_sealing import SEALED
from scarcity.client.letterbox import MAX_KEY_BYTES, MAX_PAYLOAD_BYTES
from scarcity.client.refusals import RefusedError
from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import Position, Record

SOME = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TEXTS = st.one_of(st.text(max_size=50), st.binary(max_size=40).map(lambda raw: raw.hex()))
A, B = parties(2)


@SOME
@given(values_of("ClientRegistered", tensors=False))
def test_any_registration_is_taken_or_refused(value: bytes) -> None:
    with contextlib.suppress(EventError):
        A.hears(Record(Position("clients", 0, 0), b"x", value, 0))
    assert A.peers.of("c1") == keys_of(2).public


@SOME
@given(TEXTS, TEXTS)
def test_any_text_for_a_key_is_taken_or_refused(exchange: str, signing: str) -> None:
    told = {"client_id": "x", "domain": "retail", "rows": 1, "registered_at_ms": 1}
    value = msgspec.json.encode(told | {"public_key": exchange, "signing_key": signing})
    A.hears(Record(Position("clients", 0, 0), b"x", value, 0))
    assert A.peers.of("x") is None


@SOME
@given(values_of("SealedDeviation", tensors=True))
def test_any_payload_that_a_member_signs_is_opened_or_refused(payload: bytes) -> None:
    weights = GossipWeights("c1", "retail", 1, 0, payload, sealing=SEALED)
    A.planned("c1")
    A.hears(B.sends(weights))
    A.mixes()
    with contextlib.suppress(RefusedError):
        A.exchange.sealing.open(weights, "c0")


@SOME
@given(st.integers(-(2**63), 2**64 - 1), st.integers(-(2**63), 2**64 - 1))
def test_any_cycle_and_version_are_bound_or_refused(cycle: int, version: int) -> None:
    payload = B.exchange.sealing.seal(b"\x80", plan("c1", "c0"), 0)
    told: dict[str, Any] = {"cycle": cycle, "base_version": version}
    weights = msgspec.structs.replace(
        GossipWeights("c1", "retail", 1, 0, payload, sealing=SEALED), **told
    )
    with contextlib.suppress(RefusedError):
        assert A.exchange.sealing.open(weights, "c0") == b"\x80"
        assert (cycle, version) == (1, 0)


def test_a_name_or_payload_without_measure_is_refused() -> None:
    name = "n" * (1 << 17)
    keys = keys_of(9)
    a, _ = parties(2)
    with contextlib.suppress(EventError):
        a.peers.apply(registration(name, keys.public))
    payload = B.exchange.sealing.seal(b"\x80", plan("c1", "c0"), 0)
    weights = GossipWeights(name, "retail", 1, 0, payload, sealing=SEALED)
    value = encode_msgpack(weights)
    headers = (("sc_gossip", keys.signing.sign("gossip", value)),)
    a.hears(Record(Position("gossip.retail", 0, 0), name.encode(), value, 0, headers))
    assert len(name) > MAX_KEY_BYTES
    assert a.view.heard == {}
    huge = GossipWeights("c1", "retail", 1, 0, bytes(MAX_PAYLOAD_BYTES + 1), sealing=SEALED)
    a.hears(B.sends(huge))
    assert a.view.heard == {}
    assert a.counts == {"forged": 1, "malformed": 1}
