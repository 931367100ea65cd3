"""The planner: two states in, a plan out."""

from dataclasses import replace

import pytest

from scarcity.broker.declared import DeclaredTopic
from scarcity.broker.plan import (
    Change,
    Create,
    Grow,
    LiveTopic,
    Plan,
    Refusal,
    SetConfig,
    is_visible,
    make_plan,
)

COMPACTED = DeclaredTopic(
    name="clients",
    purpose="who takes part",
    key="client_id",
    value="ClientRegistered",
    encoding="json",
    partitions=3,
    replication=1,
    configs={"cleanup.policy": "compact", "min.insync.replicas": "1"},
)
LIVE = LiveTopic(
    partitions=3,
    replication=1,
    configs={"cleanup.policy": "compact", "min.insync.replicas": "1", "retention.ms": "604800000"},
    overrides=frozenset({"cleanup.policy"}),
)


def changes(topic: DeclaredTopic, live: LiveTopic) -> tuple[Change, ...]:
    return make_plan({"clients": topic}, {"clients": live}).changes


def with_policy(policy: str) -> DeclaredTopic:
    return replace(COMPACTED, configs={"cleanup.policy": policy})


def test_equal_states_have_no_differences() -> None:
    plan = make_plan({"clients": COMPACTED}, {"clients": LIVE})
    assert plan.changes == ()
    assert plan.lines() == ["no differences"]


def test_a_topic_that_is_not_there_is_created() -> None:
    assert make_plan({"clients": COMPACTED}, {}).changes == (Create("clients", COMPACTED),)


def test_a_setting_that_differs_is_set_also_when_it_only_differs_by_the_default() -> None:
    topic = replace(COMPACTED, configs={**COMPACTED.configs, "retention.ms": "-1"})
    assert changes(topic, LIVE) == (SetConfig("clients", "retention.ms", "604800000", "-1"),)


def test_a_setting_that_was_made_by_hand_is_taken_back() -> None:
    live = replace(LIVE, overrides=LIVE.overrides | {"retention.ms"})
    assert changes(COMPACTED, live) == (SetConfig("clients", "retention.ms", "604800000", None),)


def test_more_partitions_are_grown_and_the_line_says_what_it_means() -> None:
    (change,) = changes(replace(COMPACTED, partitions=6), LIVE)
    assert change == Grow("clients", 3, 6)
    assert "keys move" in str(change)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        (replace(COMPACTED, partitions=2), "cannot take partitions away"),
        (replace(COMPACTED, replication=3), "kafka-reassign-partitions"),
        (with_policy("delete"), "compaction"),
    ],
)
def test_what_would_lose_data_is_refused(topic: DeclaredTopic, reason: str) -> None:
    (change,) = changes(topic, LIVE)
    assert isinstance(change, Refusal)
    assert reason in change.reason
    assert make_plan({"clients": topic}, {"clients": LIVE}).refusals == (change,)


def test_compaction_may_be_turned_on_and_deletion_added_to_it() -> None:
    deleting = replace(LIVE, configs={**LIVE.configs, "cleanup.policy": "delete"})
    assert changes(with_policy("compact"), deleting) == (
        SetConfig("clients", "cleanup.policy", "delete", "compact"),
    )
    assert changes(with_policy("compact,delete"), LIVE) == (
        SetConfig("clients", "cleanup.policy", "compact", "compact,delete"),
    )


def test_the_order_of_policies_is_no_difference() -> None:
    live = replace(LIVE, configs={**LIVE.configs, "cleanup.policy": "delete,compact"})
    assert changes(with_policy("compact,delete"), live) == ()


def test_topics_that_nobody_declared_are_named_and_left_alone() -> None:
    plan = make_plan({}, {"theirs": LIVE, "__consumer_offsets": LIVE})
    assert plan.changes == ()
    assert plan.undeclared == ("theirs",)
    assert plan.lines()[-1].endswith("theirs")


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (Create("clients", COMPACTED), LIVE),
        (Grow("clients", 3, 6), replace(LIVE, partitions=6)),
        (
            SetConfig("clients", "retention.ms", "1", "2"),
            replace(LIVE, configs={**LIVE.configs, "retention.ms": "2"}),
        ),
        (
            SetConfig("clients", "cleanup.policy", "compact", None),
            replace(LIVE, overrides=frozenset()),
        ),
    ],
)
def test_a_change_is_visible_only_when_the_cluster_shows_it(
    change: Change, after: LiveTopic
) -> None:
    plan = Plan((change,))
    before = {} if isinstance(change, Create) else {"clients": LIVE}
    assert not is_visible(plan, before)
    assert is_visible(plan, {"clients": after})
