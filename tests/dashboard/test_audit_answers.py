import pytest
from tests.audit.ledgers import three_domains, with_entry

from scarcity.audit.rules import KnownRules
from scarcity.dashboard.audit_answers import answer
from scarcity.dashboard.jobs import Asked
from scarcity.events.errors import InputError


def nothing(_done: int, _total: int) -> None:
    """No progress is shown."""


async def test_an_honest_version_is_equal_and_begins_at_a_checkpoint_when_there_is_one() -> None:
    rules = KnownRules()
    for checkpoint_versions, begins in ((0, ""), (1, "@")):
        log = await three_domains(checkpoint_versions=checkpoint_versions).read()
        told = answer(log, Asked("verify", "retail", 4), rules, nothing)
        assert (told["equal"], told["made"], told["insights"]) == (True, 1, 5)
        assert begins in told["began_at"]


async def test_a_version_that_was_changed_is_not_equal_and_says_in_what() -> None:
    log = await three_domains().read()
    changed = with_entry(log, 3, result_hash="00" * 32)
    told = answer(changed, Asked("verify", "retail", 3), KnownRules(), nothing)
    assert told["equal"] is False
    assert told["differences"][0]["name"] == "result_hash"
    assert told["findings"]


async def test_what_if_without_a_client_is_two_curves_and_how_far_they_part() -> None:
    log = await three_domains().read()
    told = answer(log, Asked("without", "retail", client="client-1"), KnownRules(), nothing)
    assert told["x"] == list(range(9))
    assert len(told["recorded"]) == len(told["altered"]) == len(told["apart"]) == 9
    assert told["recorded"] != told["altered"]
    assert (told["apart"][0], told["heard"]) == (0.0, 8)


async def test_influence_is_told_of_the_newest_versions_that_heard_the_client() -> None:
    log = await three_domains(checkpoint_versions=2).read()
    told = answer(log, Asked("influence", "retail", client="client-1"), KnownRules(), nothing)
    versions = told["versions"]
    assert [one["version"] for one in versions] == list(range(1, 9))
    assert all(1 <= one["rank"] <= one["clients"] == 5 for one in versions)
    assert all(one["influence"] > 0 for one in versions)


@pytest.mark.parametrize(
    "asked",
    [
        Asked("verify", "retail", 99),
        Asked("verify", "nowhere", 1),
        Asked("without", "retail", client="nobody"),
        Asked("influence", "retail", client="nobody"),
    ],
)
async def test_what_the_ledger_does_not_hold_is_said(asked: Asked) -> None:
    log = await three_domains(rounds=1).read()
    with pytest.raises(InputError):
        answer(log, asked, KnownRules(), nothing)
