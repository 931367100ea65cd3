"""Each branch of a round's policy; times are milliseconds from zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.ledger_entry import RoundPolicy
from scarcity.meta.rounds import Close, RoundView, Wait, decide

SYNC = RoundPolicy(min_clients=2, quorum=0.5, deadline_s=10.0)
ASYNC = RoundPolicy(mode="async", min_clients=2, buffer=4, deadline_s=10.0)


def test_a_round_without_insights_waits_for_clients() -> None:
    decision = decide(SYNC, RoundView(fresh=0, active=0, opened_ms=None), now_ms=10**9)
    assert decision == Wait("waits for clients: 0 of at least 2", stalled=True)


def test_below_min_clients_even_the_deadline_does_not_close_a_round() -> None:
    decision = decide(SYNC, RoundView(fresh=1, active=1, opened_ms=0), now_ms=10**9)
    assert isinstance(decision, Wait)
    assert decision.stalled
    assert "1 of at least 2" in decision.reason


def test_half_of_the_active_clients_are_a_quorum() -> None:
    assert decide(SYNC, RoundView(fresh=4, active=8, opened_ms=0), now_ms=1) == Close("quorum")


def test_below_the_quorum_a_round_collects_until_its_deadline() -> None:
    view = RoundView(fresh=3, active=8, opened_ms=500)
    waiting = decide(SYNC, view, now_ms=10_499)
    assert waiting == Wait("collects: 3 of 4 clients (quorum)", until_ms=10_500)
    assert decide(SYNC, view, now_ms=10_500) == Close("deadline")


def test_a_quorum_is_never_smaller_than_min_clients() -> None:
    few = RoundPolicy(min_clients=3, quorum=0.1)
    assert isinstance(decide(few, RoundView(2, 10, 0), now_ms=0), Wait)
    assert decide(few, RoundView(3, 10, 0), now_ms=0) == Close("quorum")


def test_a_share_that_is_whole_needs_exactly_that_many() -> None:
    # 0.07 * 100 is 7.000000000000001 in binary floating point.
    policy = RoundPolicy(min_clients=1, quorum=0.07)
    assert decide(policy, RoundView(7, 100, 0), now_ms=0) == Close("quorum")


def test_an_async_round_closes_at_its_buffer_whatever_the_number_of_active_clients() -> None:
    assert isinstance(decide(ASYNC, RoundView(3, 3, 0), now_ms=0), Wait)
    assert decide(ASYNC, RoundView(4, 1000, 0), now_ms=0) == Close("buffer")


def test_a_round_that_ends_at_its_deadline_does_not_end_sooner_however_many_come() -> None:
    policy = RoundPolicy(mode="deadline", min_clients=2, deadline_s=10.0)
    waits = decide(policy, RoundView(500, 500, 0), now_ms=9_999)
    assert isinstance(waits, Wait)
    assert waits.until_ms == 10_000
    assert decide(policy, RoundView(2, 500, 0), now_ms=10_000) == Close("deadline")


def test_an_async_domain_smaller_than_its_buffer_closes_at_the_deadline() -> None:
    assert decide(ASYNC, RoundView(3, 3, 0), now_ms=10_000) == Close("deadline")


def test_an_async_buffer_of_one_closes_at_the_first_insight() -> None:
    policy = RoundPolicy(mode="async", min_clients=1, buffer=1)
    assert decide(policy, RoundView(1, 1, 0), now_ms=0) == Close("buffer")


@given(
    policy=st.builds(
        RoundPolicy,
        mode=st.sampled_from(["sync", "async"]),
        min_clients=st.integers(1, 20),
        quorum=st.floats(0.01, 1.0),
        buffer=st.integers(1, 40),
    ),
    fresh=st.integers(0, 50),
    active=st.integers(0, 50),
    now_ms=st.integers(0, 20_000),
)
def test_a_round_closes_never_below_min_clients_and_always_by_its_deadline(
    policy: RoundPolicy, fresh: int, active: int, now_ms: int
) -> None:
    decision = decide(policy, RoundView(fresh, active, 0 if fresh else None), now_ms)
    if fresh < policy.min_clients:
        assert isinstance(decision, Wait)
        assert decision.stalled
    elif now_ms >= 10_000:
        assert isinstance(decision, Close)
    elif isinstance(decision, Wait):
        assert decision.until_ms == 10_000


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_every_wait_gives_its_reason(mode: str) -> None:
    policy = RoundPolicy(mode=mode, min_clients=2, buffer=9)
    for fresh in range(4):
        decision = decide(policy, RoundView(fresh, 100, 0), now_ms=1)
        assert isinstance(decision, Wait)
        assert f"{fresh} of" in decision.reason
