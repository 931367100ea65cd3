"""The client core: what it publishes, what it never does, and what a restart keeps."""

import numpy as np
import pytest
from tests.client.worlds import clients, profile, rows, version

from scarcity.client.core import ClientGroup
from scarcity.client.holdings import STEP_ROWS
from scarcity.client.sequence import first_sequence
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.domain_profile import Column
from scarcity.events.errors import ServiceError
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH


def joined(group: ClientGroup, now_ms: int = 5_000) -> ClientGroup:
    group.join(now_ms, {})
    return group


def insights(group: ClientGroup, *, number: int = 3) -> dict[str, Insight]:
    published = group.train(group.client_ids, version(number), version(number - 1))
    return {i.client_id: i for i in published.insights}


def test_an_insight_holds_losses_counts_and_slopes_of_ten_experts_and_nothing_else() -> None:
    group = joined(ClientGroup(profile(), clients(3)))
    insight = insights(group)["c1"]
    assert tuple(insight.expert_insights) == EXPERT_NAMES
    expert = insight.expert_insights["expert_0"]
    assert expert.samples == 12 - 4  # rows less support
    assert expert.slopes is not None
    assert len(expert.slopes) == SLOPE_LENGTH
    assert expert.previous_loss is not None
    assert insight.total_samples == 12
    assert insight.meta_version == 3
    mean = sum(e.loss for e in insight.expert_insights.values()) / 10
    assert insight.avg_loss == pytest.approx(mean)
    assert decode_json(encode_json(insight), Insight) == insight


def test_a_client_in_a_host_publishes_what_it_would_publish_alone() -> None:
    many = clients(5)
    together = insights(joined(ClientGroup(profile(), many)))
    alone = insights(joined(ClientGroup(profile(), {"c2": many["c2"]})))["c2"]
    for name, expert in alone.expert_insights.items():
        other = together["c2"].expert_insights[name]
        assert other.loss == pytest.approx(expert.loss, rel=1e-9)
        assert other.slopes is not None
        assert expert.slopes is not None
        # Slopes are rounded to 2**-24: the last digit may differ with the batch.
        assert np.abs(np.subtract(other.slopes, expert.slopes)).max() <= 1


def test_each_insight_is_newer_and_looks_at_another_split() -> None:
    group = joined(ClientGroup(profile(), clients(1)))
    first, second = insights(group)["c0"], insights(group)["c0"]
    assert (first.sequence, second.sequence) == (first_sequence(5_000), first_sequence(5_000) + 1)
    assert first.avg_loss != second.avg_loss


def test_a_restart_goes_on_above_its_last_sequence_even_if_the_clock_went_back() -> None:
    group = ClientGroup(profile(), clients(1))
    (registration,) = group.join(50_000, {})
    last = insights(group)["c0"].sequence
    again = ClientGroup(profile(), clients(1))
    again.join(20_000, {"c0": registration})
    after = insights(again)["c0"].sequence
    assert last is not None
    assert after is not None
    assert after > last


def test_without_the_version_before_there_is_no_previous_loss() -> None:
    group = joined(ClientGroup(profile(), clients(1)))
    (insight,) = group.train(["c0"], version(3), None).insights
    assert all(e.previous_loss is None for e in insight.expert_insights.values())


def test_the_previous_loss_is_the_loss_under_the_version_before_on_the_same_split() -> None:
    group = joined(ClientGroup(profile(), clients(1)))
    same = insights(group)["c0"]  # versions 3 and 2 hold the same z
    for expert in same.expert_insights.values():
        assert expert.previous_loss == pytest.approx(expert.loss, rel=1e-12)


def test_a_domain_without_slopes_gets_losses_alone() -> None:
    group = joined(ClientGroup(profile(slopes=False), clients(1)))
    assert all(e.slopes is None for e in insights(group)["c0"].expert_insights.values())


def test_a_client_too_small_for_its_losses_says_so_once_and_publishes_nothing() -> None:
    # 12 rows of 3 columns are 36 numbers; a quarter is 9, the losses of ten experts are 20.
    group = joined(ClientGroup(profile(privacy="budget"), clients(2)))
    first = group.train(["c0", "c1"], version(1), version(0))
    assert first.silenced == ["c0", "c1"]
    assert first.insights == []
    assert group.train(["c0", "c1"], version(1), version(0)).silenced == []
    assert group.budgets["c0"].spent == 0


def test_a_larger_client_leaves_slopes_out_first_and_never_passes_its_quarter() -> None:
    # 340 rows of 3 columns: 255 numbers may go. With slopes an insight takes 110, without 20.
    group = joined(ClientGroup(profile(privacy="budget"), {"big": rows(0, 340)}))
    told: list[tuple[list[bool], list[str], list[str]]] = []
    for _ in range(5):
        published = group.train(["big"], version(1), version(0))
        slopes = [i.expert_insights["expert_0"].slopes is not None for i in published.insights]
        told.append((slopes, published.exhausted, published.silenced))
    assert told == [
        ([True], [], []),
        ([True], [], []),
        ([False], ["big"], []),
        ([], [], ["big"]),
        ([], [], []),
    ]
    assert group.budgets["big"].spent == 240


def test_a_lease_is_registered_before_the_numbers_it_covers_and_a_restart_respects_it() -> None:
    group = ClientGroup(profile(privacy="budget"), {"big": rows(0, 400)})
    (registration,) = group.join(5_000, {})
    assert registration.leased_scalars == 0
    published = group.train(["big"], version(1), version(0))
    assert [r.leased_scalars for r in published.registrations] == [110]
    again = ClientGroup(profile(privacy="budget"), {"big": rows(0, 400)})
    again.join(6_000, {"big": published.registrations[0]})
    assert again.budgets["big"].spent == 110


def test_in_mode_secagg_no_number_of_a_single_client_is_published() -> None:
    summed = profile(privacy="secagg", policy=RoundPolicy(min_clients=3))
    group = joined(ClientGroup(summed, clients(1)))
    published = group.train(["c0"], version(1), version(0))
    assert (published.insights, published.registrations) == ([], [])
    assert group.lease("c0", 1) == (False, None)
    assert group.registered["c0"].moments == {}


@pytest.mark.parametrize(("before", "now"), [("open", "secagg"), ("secagg", "budget")])
def test_a_running_client_does_not_go_on_to_secure_sums_or_from_them(before: str, now: str) -> None:
    policy = RoundPolicy(min_clients=3)
    group = joined(ClientGroup(profile(privacy=before, policy=policy), clients(1)))
    with pytest.raises(ServiceError, match=f"other privacy, {now} in place of {before}"):
        group.take_profile(profile(privacy=now, policy=policy))
    other = ClientGroup(profile(privacy=now, policy=policy), clients(1))
    if before == "secagg":
        with pytest.raises(ServiceError, match="joined 'retail' in privacy mode secagg"):
            other.join(6_000, group.registered)
    else:
        other.join(6_000, group.registered)


def test_an_operator_cannot_open_what_a_client_joined_as_budget() -> None:
    group = joined(ClientGroup(profile(privacy="budget"), clients(1)))
    group.take_profile(profile(privacy="open"))
    assert group.mode == "budget"
    assert group.budgets["c0"].limit == 9


def test_an_operator_can_close_what_was_open_and_what_went_out_counts() -> None:
    group = joined(ClientGroup(profile(privacy="open"), clients(1)))
    insights(group)
    group.take_profile(profile(privacy="budget"))
    assert group.budgets["c0"].limit == 9
    assert group.budgets["c0"].spent == 110


def test_other_columns_need_a_restart() -> None:
    group = joined(ClientGroup(profile(), clients(1)))
    with pytest.raises(ServiceError, match="other columns now: restart"):
        group.take_profile(profile(target=Column("z", 0.0, 1.0)))


def test_moments_are_registered_only_when_scaling_is_estimated_and_training_waits() -> None:
    estimated = profile(
        scaling="estimated", features=(Column("a"), Column("b")), target=Column("y")
    )
    group = ClientGroup(estimated, clients(1))
    assert not group.is_ready
    (registration,) = group.join(5_000, {})
    own = clients(1)["c0"]
    assert set(registration.moments) == {"a", "b", "y"}
    assert registration.moments["a"].count == 12
    assert registration.moments["a"].total == pytest.approx(own.x[:, 0].sum())
    assert registration.leased_scalars == 6  # a total and a total of squares of three columns
    group.take_profile(profile(scaling="estimated"))
    assert group.is_ready
    assert insights(group)
    (declared,) = ClientGroup(profile(), clients(1)).join(5_000, {})
    assert declared.moments == {}


def test_a_client_with_very_many_rows_looks_at_a_draw_of_them() -> None:
    group = joined(ClientGroup(profile(), {"big": rows(0, STEP_ROWS + 100)}))
    insight = insights(group)["big"]
    assert insight.total_samples == STEP_ROWS + 100
    assert insight.expert_insights["expert_0"].samples == STEP_ROWS - 4


def test_parameters_that_break_the_arithmetic_publish_nothing() -> None:
    broken = version(3)
    broken.z[:, :64] = 1e300
    group = joined(ClientGroup(profile(), clients(1)))
    assert group.train(["c0"], broken, None).insights == []
