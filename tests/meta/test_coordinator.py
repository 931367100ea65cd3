"""The coordinator over a log by hand: versions, ledger, waits."""

import pytest
from tests.meta.feeding import (
    client_record,
    coordinator,
    entries,
    folded,
    insight,
    latest_states,
    outgoing,
    parameters,
    profile,
    profile_record,
    record,
    started,
    tell,
)

from scarcity.events.client_registered import ClientRegistered, Moments
from scarcity.events.codec import decode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import DOMAINS, GLOBAL_MEMORY, GOSSIP_PLAN
from scarcity.events.types import Position, Record
from scarcity.learning.tensors import from_payload


def test_version_0_is_published_when_a_complete_profile_is_first_seen() -> None:
    meta, first = started(profile("retail"))
    (entry,) = entries(first)
    assert (entry.version, entry.closed_by, entry.start, entry.inputs) == (
        0,
        "start",
        "default",
        [],
    )
    (sent,) = parameters(first)
    assert (sent.version, sent.ledger_hash) == (0, entry.hash())
    meta.observe(profile_record(profile("retail")))
    assert meta.advance(1) == []


def test_a_round_publishes_parameters_states_and_ledger_entry_together() -> None:
    meta, _ = started(profile("retail"))
    tell(meta, folded(insight("retail", "a", 1), offset=3, at_ms=1_000))
    tell(meta, folded(insight("retail", "b", 1), offset=5, partition=2, at_ms=4_000))
    (version,) = meta.advance(5_000)
    assert [out.topic for out in version.outgoing] == [
        "meta-parameters",
        "meta-state",
        "meta-state",
        "meta-state",
        "ledger",
    ]
    assert [s.key for s in latest_states([version])] == ["retail", "*shops", "*"]
    (entry,) = entries([version])
    assert (entry.version, entry.clients, entry.active_clients) == (1, 2, 2)
    assert [(i.partition, i.offsets()) for i in entry.inputs] == [(0, [3]), (2, [5])]
    assert entry.closed_by == "quorum"
    (sent,) = parameters([version])
    assert (sent.version, sent.newest_source_ms) == (1, 4_000)
    assert sent.ledger_hash == entry.hash() == meta.chain.last_hash


def test_the_ledger_is_one_chain_over_all_domains() -> None:
    meta, published = started(profile("retail"), profile("health", family="wards", inputs=3))
    for n in range(1, 4):
        for domain in ("retail", "health"):
            tell(meta, *(folded(insight(domain, c, n, n - 1), offset=2 * n) for c in "a"))
            tell(meta, *(folded(insight(domain, c, n, n - 1), offset=2 * n + 1) for c in "b"))
            published += meta.advance(n)
    ledger = entries(published)
    assert len(ledger) == meta.chain.length == 8
    assert ledger[0].parent == ""
    assert [e.parent for e in ledger[1:]] == [e.hash() for e in ledger[:-1]]


def test_an_entry_read_back_from_its_bytes_has_the_hash_the_chain_holds() -> None:
    policy = RoundPolicy(min_clients=1, deadline_s=10, active_s=60)
    meta, _ = started(profile("retail", policy=policy))
    tell(meta, folded(insight("retail", "a", 1), offset=0))
    (version,) = meta.advance(7)
    (read,) = entries([version])
    assert read.hash() == meta.chain.last_hash


def test_below_min_clients_a_domain_waits_and_says_so() -> None:
    meta, _ = started(profile("retail"))
    tell(meta, folded(insight("retail", "a", 1), offset=0))
    assert meta.advance(10**9) == []
    assert meta.waits["retail"].stalled
    assert meta.waits["retail"].reason == "waits for clients: 1 of at least 2"
    assert meta.wake_at_ms() is None


def test_a_round_below_its_quorum_names_the_time_of_its_deadline() -> None:
    meta, _ = started(profile("retail", policy=RoundPolicy(min_clients=1, quorum=1.0)))
    tell(meta, folded(insight("retail", "a", 1), offset=0, at_ms=1_000))
    tell(meta, folded(insight("retail", "b", 1), offset=1, at_ms=1_000))
    meta.advance(1_000)
    tell(meta, folded(insight("retail", "a", 2, 1), offset=2, at_ms=2_000))
    assert meta.advance(2_000) == []
    assert meta.wake_at_ms() == 12_000
    (version,) = meta.advance(12_000)
    assert version.entry is not None
    assert version.entry.closed_by == "deadline"


def test_an_insight_is_used_at_most_once_and_only_the_newest_of_a_client() -> None:
    meta, _ = started(profile("retail"))
    tell(
        meta,
        folded(insight("retail", "a", 1), offset=0),
        folded(insight("retail", "b", 1), offset=1),
    )
    tell(meta, folded(insight("retail", "a", 2), offset=2))
    (first,) = entries(meta.advance(1))
    assert first.inputs[0].offsets() == [1, 2]
    tell(meta, folded(insight("retail", "a", 2), offset=2))  # rewritten: a duplicate was counted
    tell(meta, folded(insight("retail", "b", 2, 1), offset=3))
    assert meta.advance(2) == []


@pytest.mark.parametrize("by", ["memory", "registration"])
def test_a_removed_client_leaves_pending_and_active(by: str) -> None:
    meta, _ = started(profile("retail", policy=RoundPolicy(min_clients=1, quorum=1.0)))
    tell(meta, *(folded(insight("retail", c, 1), offset=o) for o, c in enumerate("abc")))
    gone = (
        client_record("b", None)
        if by == "registration"
        else record(GLOBAL_MEMORY, "retail/b", None)
    )
    meta.observe(gone)
    (entry,) = entries(meta.advance(1))
    assert (entry.clients, entry.active_clients) == (2, 2)
    assert entry.inputs[0].offsets() == [0, 2]


def test_an_estimated_profile_is_completed_from_the_first_registrations_and_published() -> None:
    two = RoundPolicy(min_clients=2)
    declared = DomainProfile(
        "retail", "shops", (Column("x"),), Column("y"), "estimated", policy=two
    )
    meta, nothing = started(declared)
    assert nothing == []
    assert "needs 2, 0 clients registered" in meta.waits["retail"].reason
    for at_ms, client in enumerate("ab"):
        moments = {"x": Moments(2, 4.0, 10.0), "y": Moments(2, 0.0, 8.0)}
        meta.observe(client_record(client, ClientRegistered(client, "retail", 2, at_ms, moments)))
    published = meta.advance(1)
    # x: mean 8 / 4 = 2, variance 20 / 4 - 4 = 1. y: mean 0, variance 16 / 4 = 4.
    completed = decode_json(outgoing(published, DOMAINS)[0].value, DomainProfile)
    assert completed.columns == (Column("x", 2.0, 1.0), Column("y", 0.0, 2.0))
    assert entries(published)[0].version == 0

    # An operator applies the open profile again: the versions so far stand on the old scaling.
    for later in (meta, coordinator()):
        if later is not meta:
            later.restore(latest_states(published))
        later.observe(profile_record(declared))
        again = later.advance(2)
        assert entries(again) == []
        assert decode_json(outgoing(again, DOMAINS)[0].value, DomainProfile) == completed


def test_a_started_domain_that_changes_its_inputs_stands_still_and_says_why() -> None:
    meta, _ = started(profile("retail", policy=RoundPolicy(min_clients=1)))
    tell(meta, folded(insight("retail", "a", 1), offset=0))
    for changed, reason in (
        (profile("retail", inputs=3), "has 3 features, its family shops has 2"),
        (profile("retail", family="wards"), "was of family shops"),
    ):
        meta.observe(profile_record(changed))
        assert meta.advance(1) == []
        assert reason in meta.waits["retail"].reason


def test_a_domain_without_profile_says_so() -> None:
    meta = coordinator()
    tell(meta, folded(insight("retail", "a", 1), offset=0))
    assert meta.advance(1) == []
    assert "has no profile" in meta.waits["retail"].reason


def test_phases_come_from_record_times_and_the_clock_for_durations() -> None:
    meta = coordinator(monotonic=[0.0, 0.5, 10.0, 10.25])
    meta.observe(profile_record(profile("retail")))
    (start,) = meta.advance(1_000)
    assert start.entry is not None
    assert start.entry.phases_s["processing"] == 0.5
    meta.acknowledge(start, 0.125)
    plan = b'{"client_id": "a", "domain": "retail", "cycle": 1, "group": 0}'
    meta.observe(Record(Position(GOSSIP_PLAN, 0, 0), b"a", plan, 1_300))
    tell(meta, folded(insight("retail", "a", 1), offset=0, at_ms=3_000))
    tell(meta, folded(insight("retail", "b", 1), offset=1, at_ms=3_500))
    (entry,) = entries(meta.advance(4_000))
    assert entry.phases_s == {
        "gossip": 0.3,  # version 0 at 1 s, plan at 1.3 s
        "training": 1.7,  # first insight at 3 s
        "collection": 1.0,  # closed at 4 s
        "processing": 0.25,
        "broadcast": 0.125,  # of version 0
    }


def test_broken_records_change_nothing() -> None:
    meta, _ = started(profile("retail"))
    broken = Record(Position(DOMAINS, 0, 0), b"retail", b"{", 0)
    misplaced = record(DOMAINS, "health", profile("retail"))
    for bad in (broken, misplaced):
        with pytest.raises(EventError):
            meta.observe(bad)
    assert meta.advance(1) == []
    assert list(meta.waits) == ["retail"]


def test_a_second_domain_of_a_family_starts_from_what_the_family_learned() -> None:
    meta, _ = started(profile("retail"))
    tell(
        meta,
        folded(insight("retail", "a", 1), offset=0),
        folded(insight("retail", "b", 1), offset=1),
    )
    meta.advance(1)
    meta.observe(profile_record(profile("outlet")))
    published = meta.advance(2)
    (sent,) = parameters(published)
    assert entries(published)[0].start == "family"
    assert sent.candidates is not None
    assert set(sent.candidates) == {"family", "default"}
    assert from_payload(sent.w_init).any()
