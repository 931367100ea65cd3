"""An explanation names who moved a version, and leaving one out equals the refold without it."""

from dataclasses import replace

import pytest
from tests.audit.ledgers import World, three_domains

from scarcity.audit.counterfactual import Question, counterfactual
from scarcity.audit.explanation import Explanation, explain, norm
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import VersionName
from scarcity.events.errors import InputError, ServiceError


def explained(log: AuditLog, domain: str, version: int) -> Explanation:
    return explain(log, VersionName(domain, version), KnownRules())


async def test_every_client_of_the_round_is_told_with_offset_weight_and_losses() -> None:
    world = three_domains(3)
    explanation = explained(await world.read(), "retail", 2)
    assert explanation.is_equal
    assert {part.client_id for part in explanation.parts} == {f"client-{n}" for n in range(5)}
    for part in explanation.parts:
        assert str(part.position).startswith("insights.retail[")
        assert (part.meta_version, part.staleness, part.weight) == (1, 0, 1.0)
        assert part.loss_before is not None
        # The world tells 2 % more under the version before.
        assert part.loss_before == pytest.approx(1.02 * part.loss_after)


async def test_the_influence_of_a_client_is_what_the_refold_without_it_differs_by() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", bad="client-3")
    log = await world.read()
    for part in explained(log, "retail", 1).parts:
        (outcome,) = counterfactual(log, Question(without={part.client_id}), KnownRules())
        one, other = outcome.recorded.state, outcome.altered.state
        assert one is not None
        assert other is not None
        assert part.influence == norm(one.z - other.z)


async def test_a_stale_insight_weighs_less_and_says_so() -> None:
    world = World()
    world.add_domain("retail")
    late = world.insight("retail", "late")  # measured on version 0
    world.round("retail")
    world.report(late)
    world.round("retail")
    part = next(
        p for p in explained(await world.read(), "retail", 2).parts if p.client_id == "late"
    )
    assert (part.staleness, part.weight) == (1, 0.5)


async def test_the_only_client_of_a_round_made_the_whole_step() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", clients=1)
    explanation = explained(await world.read(), "retail", 1)
    (part,) = explanation.parts
    assert part.influence == explanation.step_norm > 0
    assert part.decides


async def test_slopes_longer_than_the_running_median_are_told_as_cut() -> None:
    world = World()
    world.add_domain("retail")
    world.round("retail", clients=4, bad="client-2")
    parts = {p.client_id: p for p in explained(await world.read(), "retail", 1).parts}
    assert parts["client-2"].kept_slopes is not None
    assert parts["client-2"].kept_slopes < 0.3  # 1.5 against .3 of the others: about a fifth


async def test_version_0_has_no_parts_and_an_unknown_version_is_refused() -> None:
    log = await three_domains(1).read()
    assert explained(log, "retail", 0).parts == ()
    with pytest.raises(InputError, match="no retail@99; the newest of retail is 2"):
        explained(log, "retail", 99)


async def test_a_version_that_retention_took_is_told_with_the_way_out() -> None:
    log = replace(await three_domains(1).read(), insights={}, first_offsets={})
    with pytest.raises(ServiceError, match=r"retail@1 cannot be made again: .* use a bundle"):
        explained(log, "retail", 1)
