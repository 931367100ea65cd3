import pytest
from tests.audit.ledgers import three_domains

from scarcity.audit.counterfactual import Question, counterfactual
from scarcity.audit.curves import curves_without
from scarcity.audit.explanation import explain
from scarcity.audit.influence import influence_of
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import VersionName
from scarcity.events.errors import InputError


async def test_the_curves_end_where_the_counterfactual_does() -> None:
    log = await three_domains().read()
    points = curves_without(log, "retail", ["client-2"], KnownRules())
    [outcome] = counterfactual(log, Question(["client-2"], domain="retail"), KnownRules())
    assert [point.version for point in points] == list(range(outcome.recorded.versions))
    last = points[-1]
    assert last.recorded == outcome.recorded.running_loss
    assert last.altered == outcome.altered.running_loss
    parts = (outcome.theta, outcome.log_lambda, outcome.log_sigma2)
    assert last.apart == pytest.approx(sum(part**2 for part in parts) ** 0.5)


async def test_before_the_client_was_heard_nothing_parts() -> None:
    world = three_domains(2)
    log = await world.read()
    points = curves_without(log, "clinic", ["client-0"], KnownRules())
    assert [point.heard for point in points] == [False, True, True]
    assert points[0].apart == 0


async def test_influence_is_what_an_explanation_of_the_version_says() -> None:
    log = await three_domains().read()
    told = influence_of(log, "retail", "client-3", KnownRules(), newest=2)
    explained = explain(log, VersionName("retail", told[-1].version), KnownRules())
    part = next(p for p in explained.parts if p.client_id == "client-3")
    assert told[-1].influence == part.influence
    assert told[-1].rank == explained.parts.index(part) + 1
    assert told[-1].step == explained.step_norm


async def test_influence_from_a_checkpoint_is_the_same() -> None:
    plain = await three_domains().read()
    kept = await three_domains(checkpoint_versions=1).read()
    one, other = (influence_of(log, "retail", "client-3", KnownRules()) for log in (plain, kept))
    assert one == other


async def test_a_client_that_no_version_heard_is_refused() -> None:
    log = await three_domains(1).read()
    with pytest.raises(InputError, match="nobody"):
        curves_without(log, "retail", ["nobody"], KnownRules())
    with pytest.raises(InputError, match="nobody"):
        influence_of(log, "retail", "nobody", KnownRules())
