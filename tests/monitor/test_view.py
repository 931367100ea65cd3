import random

import pytest
from tests.monitor import records

from scarcity.events.types import Record
from scarcity.monitor import view as view_module
from scarcity.monitor.view import SystemView


def view_of(*given: Record) -> SystemView:
    view = SystemView()
    view.fold(given)
    return view


def test_a_domain_is_at_the_newest_version_that_any_topic_tells() -> None:
    view = view_of(
        records.parameters("retail", 3, source_ms=0, at_ms=0), records.ledger("retail", 4)
    )
    assert view.domains["retail"].version == 4


def test_clients_are_heard_when_the_memory_holds_them_and_active_when_they_spoke_lately() -> None:
    view = view_of(
        records.profile("retail", active_s=10.0),
        records.memory("a", "retail", seen_ms=1_000),
        records.memory("b", "retail", seen_ms=9_000),
        records.memory("c", "retail", seen_ms=9_000),
        records.forgotten("c", "retail"),
    )
    retail = view.domains["retail"]
    assert retail.clients_heard == 2
    assert retail.clients_active(now_ms=12_000) == 1
    assert view.memory_clients == 2


def test_the_time_from_insight_to_parameters_is_between_two_record_timestamps() -> None:
    view = view_of(
        records.parameters("retail", 1, source_ms=1_000, at_ms=1_030),
        records.parameters("retail", 2, source_ms=2_000, at_ms=2_050),
        records.parameters("energy", 0, source_ms=0, at_ms=9_000),
    )
    assert view.domains["retail"].latencies.quantile(0.99) == 0.05
    # Version 0 used no insight: it has no such time.
    assert view.domains["energy"].latencies.quantile(0.99) is None


def test_insights_are_counted_by_their_topic_even_when_they_are_garbage() -> None:
    garbage = records.record("insights.retail", "c", b"{", at_ms=1_000)
    view = view_of(records.insight("a", "retail", at_ms=1_500), garbage)
    assert view.domains["retail"].insights == 2
    assert view.domains["retail"].insight_rate.per_second(now_ms=5_000) == 0.2
    assert view.unreadable == 0


def test_accepted_and_duplicate_insights_are_summed_over_clients() -> None:
    retail = view_of(
        records.memory("a", "retail", accepted=2),
        records.memory("a", "retail", accepted=5, duplicates=1),
        records.memory("b", "retail", accepted=1, duplicates=2),
    ).domains["retail"]
    assert (retail.accepted.value, retail.duplicates.value) == (6, 3)


def test_gossip_counts_and_the_newest_plan_of_each_client() -> None:
    retail = view_of(
        records.weights("a", "retail", exchanges=4, evictions=1),
        records.weights("b", "retail", exchanges=2),
        records.plan("a", "retail", ["b"], cycle=1),
        records.plan("a", "retail", [], cycle=2),
    ).domains["retail"]
    assert (retail.exchanges.value, retail.evictions.value) == (6, 1)
    assert retail.gossip_cycle == 2
    assert retail.waiting == "too few peers"


def test_rounds_and_evaluations_are_kept_over_versions() -> None:
    retail = view_of(
        records.ledger("retail", 1, losses=[0.5] * 10),
        records.ledger("retail", 2, losses=[0.4] * 9 + [None], reverted=True),
        records.evaluation("retail", 2, routed=0.3),
    ).domains["retail"]
    assert [version for version, _ in retail.rounds.items()] == [1, 2]
    assert retail.reverted_rounds == 1
    assert retail.evaluations.last is not None
    assert retail.evaluations.last.routed == 0.3


def test_dead_letters_are_counted_by_a_closed_set_of_reasons() -> None:
    view = view_of(
        records.parked("malformed"), records.parked("malformed"), records.parked("made up")
    )
    assert view.dead_letters == {"malformed": 2, "unknown": 1}


@pytest.mark.parametrize(
    "topic",
    [
        "domains", "clients", "global-memory", "meta-parameters", "ledger", "gossip-plan",
        "gossip.retail", "evaluations",
    ],
)  # fmt: skip
def test_garbage_in_any_topic_is_counted_and_left_out(topic: str) -> None:
    view = view_of(records.record(topic, "k", b"\xc1not an event"), records.ledger("retail", 1))
    assert view.unreadable == 1
    assert list(view.domains) == ["retail"]


@pytest.mark.parametrize("topic", ["clients", "meta-parameters", "gossip-plan", "gossip.retail"])
def test_a_tombstone_is_no_garbage(topic: str) -> None:
    assert view_of(records.record(topic, "k", None)).unreadable == 0


def test_a_future_event_is_left_out() -> None:
    future = records.record("domains", "retail", b'{"domain": "retail", "schema_version": "9.0"}')
    assert view_of(future).unreadable == 1


def test_a_removed_domain_leaves_the_view() -> None:
    view = view_of(records.profile("retail"), records.record("domains", "retail", None))
    assert view.domains == {}


def test_the_number_of_domains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "MAX_DOMAINS", 2)
    view = view_of(*(records.ledger(name, 1) for name in ("a", "b", "c")))
    assert list(view.domains) == ["a", "b"]
    assert view.unreadable == 1


@pytest.mark.parametrize("name", ["", "Retail", "x" * 70, 'a"} 1', "a\nb"])
def test_what_cannot_be_a_domain_is_no_label(name: str) -> None:
    view = view_of(records.registered("c", name))
    assert (view.domains, view.unreadable) == ({}, 1)


def test_the_order_between_topics_does_not_matter() -> None:
    given = records.a_session()
    topics = sorted({r.position.topic for r in given})
    random.Random(7).shuffle(topics)
    by_topic = [r for topic in topics for r in given if r.position.topic == topic]
    one, other = view_of(*given), view_of(*by_topic)
    for name, domain in one.domains.items():
        twin = other.domains[name]
        assert twin.version == domain.version == 30
        assert twin.accepted.value == domain.accepted.value == 30
        assert twin.evaluations.items() == domain.evaluations.items()
    assert one.dead_letters == other.dead_letters


def test_losses_alone_and_clients_at_their_privacy_limit_are_counted() -> None:
    clinic = view_of(*records.a_private_session()).domains["clinic"]
    # The name of the third client is no key.
    assert (clinic.insights, clinic.without_slopes) == (3, 2)
    assert (clinic.clients_limited("slopes"), clinic.clients_limited("all")) == (1, 1)


def test_a_client_that_starts_again_with_room_is_limited_no_more() -> None:
    view = view_of(*records.a_private_session(), records.registered("c", "clinic"))
    assert view.domains["clinic"].clients_limited("all") == 0


def test_the_epsilon_of_the_ledger_is_known() -> None:
    ward = view_of(*records.a_private_session()).domains["ward"]
    assert ward.dp is not None
    assert (ward.dp.epsilon, ward.dp.delta, ward.dp.rules.epsilon_limit) == (0.75, 1e-5, 6.0)


def test_marks_hold_until_they_are_lifted() -> None:
    retail = view_of(*records.a_session_with_marks()).domains["retail"]
    assert dict(retail.marked) == {"b": "check", "c": "check", "d": "operator", "e": "repair"}
    assert (retail.clients_marked("check"), retail.repairs) == (2, 1)
