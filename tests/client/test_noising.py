"""Mode `dp` at the client: coins, limits, leases, and what an insight may still hold."""

import numpy as np
import pytest
from tests.client.worlds import clients, profile, version

from scarcity.client.core import ClientGroup
from scarcity.client.noising import SECRET_BYTES, Discretion, Noising
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.dp_rules import NO_PROMISE, DpRules
from scarcity.events.errors import ServiceError
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.accounting import epsilon

SECRET = bytes(range(SECRET_BYTES))
ALWAYS = DpRules(clients=3, sampling_rate=1.0, noise_multiplier=8.0)
SOMETIMES = DpRules(clients=100, sampling_rate=0.2, noise_multiplier=2.0)
LOCAL = DpRules(where="local", sampling_rate=1.0, noise_multiplier=8.0, loss_clip=3.0)


def private(rules: DpRules, **changes: object) -> DomainProfile:
    policy = RoundPolicy(mode="deadline")
    return profile(privacy="dp", dp=rules, policy=policy, **changes)


def group_of(rules: DpRules, count: int = 3, *, limit: float | None = None) -> ClientGroup:
    group = ClientGroup(private(rules), clients(count), discretion=Discretion(SECRET, limit))
    group.join(5_000, {})
    return group


def told(group: ClientGroup, number: int) -> list[Insight]:
    return group.train(group.client_ids, version(number), version(number - 1)).insights


def slopes(insight: Insight) -> list[int]:
    return [s for e in insight.expert_insights.values() for s in e.slopes or []]


def test_with_central_noise_all_slopes_together_keep_the_clip_and_losses_theirs() -> None:
    rules = DpRules(clients=3, sampling_rate=1.0, clip=0.01, loss_clip=0.2)
    for insight in told(group_of(rules), 0):
        assert sum(s * s for s in slopes(insight)) <= (0.01 * SLOPE_SCALE) ** 2
        assert all(e.loss <= 0.2 for e in insight.expert_insights.values())
        assert insight.avg_loss <= 0.2


def test_what_is_not_noised_is_withheld() -> None:
    for rules in (ALWAYS, LOCAL):
        (insight, *_) = told(group_of(rules), 1)
        for expert in insight.expert_insights.values():
            assert expert.slopes is not None
            assert (expert.previous_loss, expert.candidate_losses) == (None, None)


def test_with_local_noise_an_insight_tells_no_loss_and_what_was_spent() -> None:
    group = group_of(LOCAL)
    first, second = told(group, 0)[0], told(group, 1)[0]
    assert {e.loss for e in first.expert_insights.values()} == {3.0}
    assert first.avg_loss == 3.0
    assert first.epsilon == epsilon(LOCAL, 1)
    assert second.epsilon == epsilon(LOCAL, 2)


def test_local_noise_is_on_every_slope_and_no_longer_than_the_memory_admits() -> None:
    bare = DpRules(where="local", sampling_rate=1.0, noise_multiplier=0.0, epsilon_limit=NO_PROMISE)
    few = DpRules(where="local", sampling_rate=1.0, noise_multiplier=0.1, epsilon_limit=NO_PROMISE)
    exact, noised = (slopes(told(group_of(rules), 0)[0]) for rules in (bare, few))
    assert all(a != b for a, b in zip(exact, noised, strict=True))
    # Two clips times .1 is the deviation; 90 numbers know it to 8 %.
    spread = np.std(np.subtract(noised, exact)) / SLOPE_SCALE
    assert spread == pytest.approx(0.2, rel=0.4)
    (insight, *_) = told(group_of(LOCAL), 0)
    for expert in insight.expert_insights.values():
        assert expert.slopes is not None
        assert np.linalg.norm(expert.slopes) <= 5.0 * SLOPE_SCALE + 5


def test_a_coin_is_tossed_once_a_version_and_by_each_client_for_itself() -> None:
    group = group_of(SOMETIMES, 40)
    heads = [{i.client_id for i in told(group, number)} for number in range(12)]
    assert told(group, 11) == []
    assert len({frozenset(some) for some in heads}) == 12
    # 480 coins of a fifth: 96, standard deviation 8.8.
    assert abs(sum(map(len, heads)) - 96) < 4 * 8.8


def test_another_secret_tosses_other_coins() -> None:
    one = Noising(SOMETIMES, 5.0, Discretion(SECRET))
    other = Noising(SOMETIMES, 5.0, Discretion(SECRET[::-1]))
    for noising in (one, other):
        noising.join("a", None)

    def tosses(noising: Noising) -> list[bool]:
        return [noising.toss("a", "retail", number)[0] for number in range(60)]

    assert tosses(one) != tosses(other)


def test_a_client_counts_every_version_that_it_tossed_for() -> None:
    group = group_of(SOMETIMES, 5)
    for number in range(6):
        told(group, number)
    assert group.noising is not None
    assert {group.noising.rounds(c).spent for c in group.client_ids} == {6}


def test_with_local_noise_only_insights_count() -> None:
    rules = DpRules(where="local", sampling_rate=0.3, noise_multiplier=8.0)
    group = group_of(rules, 5)
    counted = dict.fromkeys(group.client_ids, 0)
    for number in range(10):
        for insight in told(group, number):
            counted[insight.client_id] += 1
    assert group.noising is not None
    assert {c: group.noising.rounds(c).spent for c in group.client_ids} == counted


def test_a_client_goes_to_its_limit_says_so_and_not_a_round_further() -> None:
    group = group_of(ALWAYS, 1, limit=3.0)
    assert group.noising is not None
    allowed = group.noising.allowed
    assert epsilon(ALWAYS, allowed) <= 3.0 < epsilon(ALWAYS, allowed + 1)
    for number in range(allowed - 1):
        assert group.train(["c0"], version(number), None).silenced == []
    last = group.train(["c0"], version(allowed - 1), None)
    assert last.silenced == ["c0"]
    assert [r.limit_reached for r in last.registrations] == ["all"]
    assert len(last.insights) == 1
    after = group.train(["c0"], version(allowed), None)
    assert (after.insights, after.registrations, after.silenced) == ([], [], [])
    assert group.spent_text("c0").startswith(f"epsilon {epsilon(ALWAYS, allowed):.3g} of 3")


def test_the_stricter_of_two_limits_holds() -> None:
    own, domain = Noising(ALWAYS, 5.0, Discretion(SECRET, 1.5)), ALWAYS.epsilon_limit
    assert own.limit == 1.5
    assert Noising(ALWAYS, 5.0, Discretion(SECRET, 100.0)).limit == domain


def test_a_lease_is_in_the_log_before_the_rounds_it_covers() -> None:
    group, log = group_of(ALWAYS, 1), ClientRegistered("c0", "retail", 12, 0)
    assert group.noising is not None
    for number in range(min(40, group.noising.allowed)):
        published = group.train(["c0"], version(number), None)
        for registered in published.registrations:
            log = registered
        assert group.noising.rounds("c0").spent <= log.leased_rounds <= group.noising.allowed
        assert number <= log.leased_until


def test_a_restart_counts_its_lease_and_tosses_no_coin_twice() -> None:
    first = group_of(ALWAYS, 1)
    told(first, 4)
    before = first.registered["c0"]
    again = ClientGroup(private(ALWAYS), clients(1), discretion=Discretion(SECRET[::-1]))
    (registered,) = again.join(9_000, {"c0": before})
    assert registered.leased_rounds == before.leased_rounds > 1
    assert again.noising is not None
    assert again.noising.rounds("c0").spent == before.leased_rounds
    for number in range(5, before.leased_until + 1):
        assert told(again, number) == []
    assert len(told(again, before.leased_until + 1)) == 1


def test_rounds_under_other_rules_cannot_be_added_up() -> None:
    before = group_of(ALWAYS, 1)
    told(before, 0)
    other = DpRules(clients=3, sampling_rate=1.0, noise_multiplier=5.0)
    group = ClientGroup(private(other), clients(1), discretion=Discretion(SECRET))
    with pytest.raises(ServiceError, match="other rules of mode `dp`"):
        group.join(9_000, before.registered)


def test_a_running_client_does_not_follow_to_other_rules_or_another_mode() -> None:
    group = group_of(ALWAYS)
    for changed in (private(SOMETIMES), profile(privacy="open")):
        with pytest.raises(ServiceError, match="other rules"):
            group.take_profile(changed)


def test_who_joined_in_mode_dp_does_not_come_back_in_the_open() -> None:
    before = group_of(ALWAYS, 1).registered
    group = ClientGroup(profile(privacy="open"), clients(1))
    with pytest.raises(ServiceError, match="joined 'retail' in privacy mode dp"):
        group.join(9_000, before)


def test_no_prior_is_offered_to_peers() -> None:
    assert group_of(ALWAYS).lease("c0", 1) == (False, None)


def test_without_a_secret_there_is_no_mode_dp() -> None:
    with pytest.raises(ValueError, match="secret"):
        ClientGroup(private(ALWAYS), clients(1))
