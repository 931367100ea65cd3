"""A counterfactual equals the ledger that would have been, where that can be made for real."""

from dataclasses import replace

import numpy as np
import pytest
from tests.audit.ledgers import World, three_domains

from scarcity.audit.counterfactual import Outcome, Question, counterfactual
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.learning.online_maml import LearningSettings, OnlineMAMLEngine
from scarcity.meta.recompute import first_version, next_version


def asked(log: AuditLog, question: Question) -> dict[str, Outcome]:
    return {one.domain: one for one in counterfactual(log, question, KnownRules())}


def z_of(outcome: Outcome) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    assert outcome.altered.state is not None
    return outcome.altered.state.z


async def test_without_a_client_equals_a_world_in_which_it_never_was() -> None:
    """The same reports of the others, one world with and one without client-4."""
    with_it, without_it = World(partitions=1), World(partitions=1)
    for world in (with_it, without_it):
        world.add_domain("retail")
    for _ in range(3):
        # Insights draw from the worlds' generators in step: the fifth is drawn but not reported.
        with_it.round("retail", 5)
        without_it.round("retail", 5, absent="client-4")
    question = Question(without={"client-4"})
    refold = asked(await with_it.read(), question)["retail"]
    other = asked(await without_it.read(), Question(without={"client-0"}))["retail"]
    assert other.recorded.state is not None
    assert z_of(refold).tobytes() == other.recorded.state.z.tobytes()
    assert (refold.recorded.insights, refold.altered.insights) == (15, 12)
    assert refold.theta > 0


async def test_a_round_that_would_have_heard_nobody_keeps_its_parameters_and_its_number() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", 1)
    outcome = asked(await world.read(), Question(without={"client-0"}))["retail"]
    assert outcome.altered.state is not None
    assert outcome.altered.state.version == 1
    assert not z_of(outcome)[:, :64].any()  # theta of the default start


async def test_other_learning_rules_equal_the_steps_made_under_them() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail")
    log = await world.read()
    rules = LearningSettings(rate=0.1)
    outcome = asked(log, Question(settings=rules))["retail"]
    engine = OnlineMAMLEngine(rules)
    start = first_version(engine, "retail", "shops", 3, {})
    from scarcity.audit.inputs import hear

    heard = [hear(record).insight for record in log.insights["insights.retail"]]
    expected = next_version(engine, "retail", start.domain, start.family, heard)
    assert z_of(outcome).tobytes() == expected.domain.z.tobytes()


async def test_the_recorded_policy_cuts_the_rounds_as_they_were_cut() -> None:
    """The world closes a round when all five reported, which is this policy."""
    log = await three_domains(3).read()
    policy = RoundPolicy(min_clients=5, quorum=1.0)
    for outcome in asked(log, Question(policy=policy)).values():
        assert outcome.recorded.state is not None
        assert z_of(outcome).tobytes() == outcome.recorded.state.z.tobytes()
        assert outcome.altered.versions == outcome.recorded.versions


async def test_an_async_buffer_of_two_makes_more_versions_of_the_same_insights() -> None:
    world = World()
    world.add_domain("retail")
    for _ in range(2):
        world.round("retail", 4)
    policy = RoundPolicy(mode="async", min_clients=1, buffer=2)
    outcome = asked(await world.read(), Question(policy=policy))["retail"]
    assert (outcome.recorded.versions, outcome.altered.versions) == (3, 5)
    assert outcome.recorded.insights == outcome.altered.insights == 8


async def test_a_deadline_passes_between_two_insights() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", 4)
    world.round("retail", 4)
    # Ten are never fresh together; a round is a second long and the deadline half of one.
    policy = RoundPolicy(min_clients=3, quorum=1.0, deadline_s=0.5, mode="async", buffer=10)
    outcome = asked(await world.read(), Question(policy=policy))["retail"]
    assert outcome.altered.versions == 2  # the start, and the first round at its deadline


async def test_without_and_policy_go_together() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", 4)
    policy = RoundPolicy(mode="async", min_clients=1, buffer=3)
    question = Question(without={"client-0"}, policy=policy)
    assert asked(await world.read(), question)["retail"].altered.insights == 3


async def test_an_unknown_client_and_a_log_without_all_insights_are_refused() -> None:
    log = await three_domains(1).read()
    with pytest.raises(InputError, match="client 'nobody' is heard in no version of retail"):
        asked(log, Question(without={"nobody"}, domain="retail"))
    with pytest.raises(InputError, match="--all-insights"):
        asked(replace(log, is_whole=False), Question(policy=RoundPolicy()))


async def test_a_client_of_one_domain_changes_its_family_and_no_other() -> None:
    world = three_domains(2)
    world.round("bakery", 6)  # client-5 only here
    outcomes = asked(await world.read(), Question(without={"client-5"}))
    assert outcomes["bakery"].theta > 0
    assert (outcomes["retail"].theta, outcomes["clinic"].theta) == (0.0, 0.0)
