"""What a client knows, record by record; a bad record changes nothing."""

import numpy as np
import pytest
from tests.client.worlds import profile

from scarcity.client.outgoing import profile_record, weights_record
from scarcity.client.versions import parameters_event
from scarcity.client.view import DomainView
from scarcity.events.codec import encode_json, encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import Outgoing, Position, Record
from scarcity.learning.initial import default_z


def record(topic: str, key: str, value: bytes | None) -> Record:
    return Record(Position(topic, 0, 0), key.encode(), value, 0)


def sent(outgoing: Outgoing) -> Record:
    return Record(Position(outgoing.topic, 0, 0), outgoing.key, outgoing.value, 0)


def parameters(number: int, domain: str = "retail") -> Record:
    event = parameters_event(domain, domain, number, default_z(2), np.full(10, np.nan))
    return record("meta-parameters", domain, encode_msgpack(event))


def plan(client: str) -> Record:
    event = GossipPlan(client, "retail", 7, "exchange", 0, ["x"])
    return record("gossip-plan", client, encode_json(event))


@pytest.fixture
def view() -> DomainView:
    return DomainView("retail", frozenset({"a"}))


def test_it_takes_its_own_domain_and_plans_and_every_peer(view: DomainView) -> None:
    for each in (
        parameters(3),
        parameters(9, "health"),
        plan("a"),
        plan("b"),
        sent(profile_record(profile(), now_ms=0)),
        sent(profile_record(profile("health"), now_ms=0)),
        sent(weights_record(GossipWeights("b", "retail", 7, 3, b"x"), now_ms=0)),
    ):
        view.apply(each)
    assert view.versions.current is not None
    assert view.versions.current.number == 3
    assert set(view.plans) == {"a"}
    assert view.profile == profile()
    assert set(view.heard) == {"b"}


@pytest.mark.parametrize(
    "bad",
    [
        record("meta-parameters", "retail", b"\xc1"),
        record("domains", "retail", b"{"),
        record("gossip-plan", "a", b"[]"),
        record("gossip.retail", "b", b""),
        record("gossip.retail", "b", encode_msgpack(GossipWeights("c", "retail", 7, 3, b"x"))),
        record("gossip.retail", "b", encode_msgpack(GossipWeights("b", "health", 7, 3, b"x"))),
        record("domains", "retail", encode_json(profile("health"))),
    ],
)
def test_a_bad_record_is_refused_and_changes_nothing(view: DomainView, bad: Record) -> None:
    with pytest.raises(EventError):
        view.apply(bad)
    assert view == DomainView("retail", frozenset({"a"}))


def test_a_tombstone_changes_nothing(view: DomainView) -> None:
    view.apply(parameters(3))
    view.apply(record("meta-parameters", "retail", None))
    assert view.versions.current is not None
