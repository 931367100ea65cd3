"""A whole simulation: repeatable, and every fault counted where it belongs."""

from itertools import pairwise

import msgspec
import pytest
from tests.simulation.scenarios import WAVES, calm, rough

from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.simulation.runner import Simulation, run
from scarcity.simulation.scenario import ClientModel, Delay, Rounds, Scenario, Staleness


def with_clients(scenario: Scenario, **changes: object) -> Scenario:
    """The scenario with another client model in every domain."""
    domains = tuple(
        msgspec.structs.replace(d, clients=msgspec.structs.replace(d.clients, **changes))
        for d in scenario.domains
    )
    return msgspec.structs.replace(scenario, domains=domains)


def test_two_runs_give_the_same_ledger_byte_for_byte() -> None:
    first, second = run(rough()), run(rough())
    assert first.ledger == second.ledger
    assert first.json_lines() == second.json_lines()
    assert len(first.ledger) >= 14  # versions 0 to 6 of two domains


def test_another_seed_gives_another_ledger() -> None:
    assert run(calm(seed=1)).ledger_hash != run(calm(seed=2)).ledger_hash


def test_the_ledger_is_one_chain_over_all_domains() -> None:
    entries = run(rough()).entries()
    assert entries[0].parent == ""
    assert all(later.parent == earlier.hash() for earlier, later in pairwise(entries))


def test_time_is_virtual() -> None:
    # Version 0 at the first poll; then work of one second and the poll after it: 1.05 s a version.
    result = run(calm(versions=3))
    assert [line.at_s for line in result.rounds] == pytest.approx([0.05, 1.1, 2.15, 3.2])


def test_every_insight_of_a_calm_round_is_used_once() -> None:
    result = run(calm(versions=3, clients=12))
    assert [line.clients for line in result.rounds] == [0, 12, 12, 12]
    line = result.domains[0]
    assert line.started == line.computed == line.published == line.accepted == 36


def test_faults_are_counted_where_they_belong() -> None:
    result = run(rough(versions=20))
    assert not result.dead_letters
    for line in result.domains:
        assert line.accepted + line.ignored_duplicates == line.published
        assert min(line.dropped, line.lost, line.ignored_duplicates) > 0
        assert line.version >= 20


def test_fixed_staleness_is_what_the_ledger_says() -> None:
    calm_one = calm(versions=6)
    stale = with_clients(calm_one, staleness=Staleness(kind="fixed", mean=2.0))
    # The first versions have none so old behind them.
    told = [line.mean_staleness_versions for line in run(stale).rounds]
    assert told == [0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_a_late_domain_starts_from_what_its_family_learned() -> None:
    result = run(rough(versions=10))
    joined = [line for line in result.rounds if line.domain == "south"]
    assert joined[0].at_s >= 20.0
    starts = [entry.start for entry in result.entries() if entry.domain == "south"]
    assert starts[0] == "family"


def test_a_round_that_drops_too_many_waits_for_its_deadline() -> None:
    model = ClientModel(Rounds(clients=12), Delay(kind="constant", mean_s=1.0), dropout=0.3)
    scenario = calm(versions=3)
    domain = msgspec.structs.replace(scenario.domains[0], clients=model)
    result = run(msgspec.structs.replace(scenario, domains=(domain,)))
    assert {line.closed_by for line in result.rounds[1:]} <= {"deadline", "buffer"}
    assert "deadline" in {line.closed_by for line in result.rounds}


def test_a_small_privacy_budget_leaves_losses_alone_and_then_nothing() -> None:
    scenario = calm(versions=2, clients=24)
    # 40 rows of two columns: 20 numbers. Ten losses go out, then ten and ten under the version
    # before would be too many; an insight with slopes has 100 or more.
    waves = msgspec.structs.replace(WAVES, rows=40)
    domain = msgspec.structs.replace(scenario.domains[0], data=waves, privacy="budget")
    simulation = Simulation(msgspec.structs.replace(scenario, domains=(domain,)))
    result = simulation.run()
    heard = simulation.services.memory.by_domain("waves")
    experts = [e for client in heard for e in client.latest.expert_insights.values()]
    assert all(expert.slopes is None for expert in experts)
    (line,) = result.domains
    assert (line.version, len(heard), line.exhausted, line.silenced) == (1, 24, 24, 24)


def test_rounds_of_secure_sums_are_refused_before_it_starts() -> None:
    scenario = calm()
    with pytest.raises(ValueError, match="no rounds of secure sums"):
        msgspec.structs.replace(scenario.domains[0], privacy="secagg")


async def test_the_log_is_kept_when_asked_for() -> None:
    simulation = Simulation(calm(versions=2, keep_log=True))
    result = simulation.run()
    records = await simulation.services.log.read_all("insights.waves")
    assert len(records) == result.domains[0].published
    kept = await simulation.services.log.read_all("ledger")
    assert [msgspec.json.decode(r.value or b"", type=LedgerEntry).version for r in kept] == [
        0,
        1,
        2,
    ]


def test_a_limit_of_virtual_time_ends_it_and_says_what_it_waited_for() -> None:
    scenario = calm(versions=100, limit_s=1.5)
    domain = msgspec.structs.replace(scenario.domains[0], policy=RoundPolicy(min_clients=13))
    result = run(msgspec.structs.replace(scenario, domains=(domain,)))
    assert result.virtual_s <= 1.5
    assert result.domains[0].version == 0
    assert result.domains[0].waits == "waits for clients: 12 of at least 13"
