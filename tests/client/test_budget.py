"""The privacy budget: what is allowed, what the log must know first, what a restart keeps."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from scarcity.client.budget import LEASES, Budget
from scarcity.events.domain_profile import PrivacyMode


def test_a_hospital_has_some_450_rounds_and_a_small_client_none() -> None:
    # An insight of ten experts: a loss, the loss before, nine slopes each.
    cost = 10 * 11
    hospital = Budget.of(rows=10_000, columns=20, mode="budget")
    assert hospital.limit == 52_500  # 10 000 * 21 / 4
    assert 52_500 // cost == 477
    small = Budget.of(rows=26, columns=5, mode="budget")
    assert small.limit == 39
    assert not small.allows(cost)


def test_open_has_no_limit_and_still_counts() -> None:
    budget = Budget.of(rows=1, columns=1, mode="open").spend(10**6)
    assert budget.allows(10**9)
    assert not budget.needs_lease(10**9)
    assert budget.spent == 10**6


def test_nothing_is_published_beyond_what_the_log_has_leased() -> None:
    budget = Budget.of(rows=400, columns=3, mode="budget")  # limit 400, a lease is 20
    assert budget.needs_lease(15)
    budget = budget.with_lease(15)
    assert budget.leased == 400 // LEASES
    assert not budget.needs_lease(15)
    budget = budget.spend(15)
    assert budget.needs_lease(15)


def test_a_restart_counts_the_whole_lease_as_spent() -> None:
    first = Budget.of(rows=400, columns=3, mode="budget").with_lease(15).spend(15)
    again = Budget.of(rows=400, columns=3, mode="budget", leased=first.leased)
    assert again.spent == 20
    assert again.spent >= first.spent


def test_a_lease_never_passes_the_limit() -> None:
    budget = Budget.of(rows=400, columns=3, mode="budget", leased=390).with_lease(10)
    assert budget.leased == 400
    assert not budget.spend(10).allows(1)


@given(
    rows=st.integers(1, 500),
    columns=st.integers(1, 20),
    costs=st.lists(st.tuples(st.integers(1, 120), st.booleans()), max_size=60),
)
def test_no_history_of_restarts_publishes_more_than_the_limit(
    rows: int, columns: int, costs: list[tuple[int, bool]]
) -> None:
    budget = Budget.of(rows=rows, columns=columns, mode="budget")
    published = 0
    for cost, dies_before_the_next in costs:
        if not budget.allows(cost):
            continue
        if budget.needs_lease(cost):
            budget = budget.with_lease(cost)
        published += cost
        budget = budget.spend(cost)
        if dies_before_the_next:
            budget = Budget.of(rows=rows, columns=columns, mode="budget", leased=budget.leased)
    assert published <= rows * (columns + 1) / 4


def test_only_mode_budget_counts_numbers() -> None:
    limits = [Budget.of(rows=100, columns=3, mode=mode).limit for mode in get_args(PrivacyMode)]
    assert dict(zip(get_args(PrivacyMode), limits, strict=True)) == {
        "budget": 100,
        "dp": None,
        "secagg": None,
        "open": None,
    }
