"""The planner: groups, peers, waiting; every property a client or an operator relies on."""

from collections import Counter

import pytest

from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.types import EXPERT_NAMES
from scarcity.gossip.planner import NO_INSIGHT, P2PGossipManager, loss_profile


def members(count: int) -> dict[str, list[float]]:
    """Clients whose first expert gets worse from one to the next."""
    return {f"c{i:03}": [1.0 + i, *([1.0] * 9)] for i in range(count)}


def plans_of(count: int, cycle: int = 1) -> dict[str, GossipPlan]:
    return {p.client_id: p for p in P2PGossipManager().plan("retail", cycle, members(count))}


@pytest.mark.parametrize("count", [2, 3, 6, 7, 8, 9, 17, 87, 242])
def test_every_client_gets_one_to_five_mutual_peers_of_a_group_of_at_most_eight(count: int) -> None:
    plans = plans_of(count)
    assert len(plans) == count
    assert max(Counter(p.group for p in plans.values()).values()) <= 8
    for client, plan in plans.items():
        assert plan.status == "exchange"
        assert 1 <= len(plan.peers) <= 5
        assert client not in plan.peers
        assert len(set(plan.peers)) == len(plan.peers)
        for peer in plan.peers:
            assert plans[peer].group == plan.group
            assert client in plans[peer].peers


def test_members_of_a_group_have_the_same_number_of_peers() -> None:
    # Equal degrees are what keeps the mean of the priors through an exchange.
    by_group: dict[int, set[int]] = {}
    for plan in plans_of(61).values():
        by_group.setdefault(plan.group, set()).add(len(plan.peers))
    assert all(len(degrees) == 1 for degrees in by_group.values())


def test_a_plan_depends_on_domain_and_cycle_and_not_on_the_order_of_the_clients() -> None:
    manager, all_members = P2PGossipManager(), members(30)
    again = dict(reversed(all_members.items()))
    first = manager.plan("retail", 4, all_members)
    assert first == manager.plan("retail", 4, again)
    assert [p.peers for p in first] != [p.peers for p in manager.plan("retail", 5, all_members)]
    assert [p.peers for p in first] != [p.peers for p in manager.plan("health", 4, all_members)]


def test_similar_profiles_meet_more_often_than_different_ones() -> None:
    # Two kinds of clients, eight each: the first half does well with expert 0, the other with 1.
    kinds = {f"a{i}": [0.2, 1.8, *([1.0] * 8)] for i in range(8)}
    kinds |= {f"b{i}": [1.8, 0.2, *([1.0] * 8)] for i in range(8)}
    for cycle in range(20):
        for plan in P2PGossipManager().plan("retail", cycle, kinds):
            assert {p[0] for p in plan.peers} == {plan.client_id[0]}


def test_groups_are_redrawn_so_that_news_spreads_through_the_domain() -> None:
    manager = P2PGossipManager()
    # Same profile everywhere: only the draw decides, and 64 clients are far more than a group.
    same = {f"c{i:02}": [1.0] * 10 for i in range(64)}
    informed = {"c00"}
    for cycle in range(12):
        plans = manager.plan("retail", cycle, same)
        informed |= {p.client_id for p in plans if informed & set(p.peers)}
    assert len(informed) == 64


def test_a_lone_client_waits_and_is_told_why() -> None:
    (plan,) = P2PGossipManager().plan("medical", 3, {"b": [1.0] * 10})
    assert plan.status == "waiting"
    assert plan.peers == []
    assert plan.reason == "medical has 1 active client; gossip needs two"
    assert plan.cycle == 3


def test_a_silent_client_waits_while_the_others_trade() -> None:
    plans = P2PGossipManager().plan("retail", 1, {**members(2), "quiet": None})
    assert {p.client_id: p.status for p in plans} == {
        "c000": "exchange",
        "c001": "exchange",
        "quiet": "waiting",
    }
    assert plans[-1].reason == NO_INSIGHT


def test_an_empty_domain_has_no_plan() -> None:
    assert P2PGossipManager().plan("retail", 1, {}) == []


def test_a_profile_that_is_not_finite_or_zero_breaks_nothing() -> None:
    odd = {"a": [float("nan"), 1.0], "b": [0.0, 0.0], "c": [float("inf"), 1.0], "d": []}
    plans = P2PGossipManager().plan("retail", 1, odd)
    assert all(p.status == "exchange" for p in plans)


def test_a_profile_lists_experts_in_their_order_and_fills_gaps_with_the_mean() -> None:
    losses = {EXPERT_NAMES[1]: 3.0, EXPERT_NAMES[0]: 1.0}
    assert loss_profile(losses) == [1.0, 3.0, *([2.0] * 8)]


@pytest.mark.parametrize(("size", "peers"), [(1, 5), (8, 0)])
def test_impossible_sizes_are_refused(size: int, peers: int) -> None:
    with pytest.raises(ValueError, match="group_size"):
        P2PGossipManager(size, peers)
