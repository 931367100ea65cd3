"""A client's records: topic, key and headers that any Kafka tool can read."""

from tests.client.worlds import profile

from scarcity.client.outgoing import (
    evaluation_record,
    insight_record,
    profile_record,
    registration_record,
    weights_record,
)
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import Insight


def test_each_event_goes_to_its_topic_under_its_key() -> None:
    records = (
        insight_record(Insight("c", {}, 0.5, 3, "retail", sequence=7), now_ms=0),
        registration_record(ClientRegistered("c", "retail", 3, 1000), now_ms=0),
        weights_record(GossipWeights("c", "retail", 2, 1, b""), now_ms=0),
        evaluation_record(Evaluation("retail", 4, 2, 0.1, 0.1, 0.2, 0.3), now_ms=0),
        profile_record(profile("retail"), now_ms=0),
    )
    assert [(r.topic, r.key) for r in records] == [
        ("insights.retail", b"c"),
        ("clients", b"c"),
        ("gossip.retail", b"c"),
        ("evaluations", b"retail"),
        ("domains", b"retail"),
    ]
    assert all(r.partition is None for r in records)


def test_an_insight_says_who_sent_it_what_it_is_and_when() -> None:
    insight = Insight("shop-7", {}, 0.5, 3, "retail", sequence=7)
    headers = dict(insight_record(insight, now_ms=1_500).headers)
    assert headers["ce_source"] == b"/clients/shop-7"
    assert headers["ce_id"] == b"7"
    assert headers["ce_time"] == b"1970-01-01T00:00:01.500Z"
    assert headers["content-type"] == b"application/json"


def test_weights_are_msgpack() -> None:
    headers = dict(weights_record(GossipWeights("c", "retail", 2, 1, b""), now_ms=0).headers)
    assert headers["content-type"] == b"application/msgpack"
    assert headers["ce_id"] == b"gossip-2"
