"""Domains in privacy mode `dp`, from the clients' coins to the audit."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from scarcity.audit.bundle import read_bundle, write_bundle
from scarcity.audit.log import AuditLog, read_log
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.verification import verify
from scarcity.events import topics
from scarcity.events.dp_rules import DpRules
from scarcity.events.topics import META_STATE, insights_topic
from scarcity.learning.accounting import epsilon
from scarcity.simulation.result import SimulationResult
from scarcity.simulation.runner import Simulation, run
from scarcity.simulation.scenario import ClientModel, Delay, DomainScenario, Scenario, Sinusoid

CENTRAL = DpRules(clients=40, sampling_rate=0.25, noise_multiplier=2.0, epsilon_limit=8.0)


def scenario(rules: DpRules = CENTRAL, *, versions: int = 6, **changes: object) -> Scenario:
    domain = DomainScenario(
        "waves",
        Sinusoid(clients=40, rows=10, new_clients=10, new_rows=12),
        privacy="dp",
        dp=rules,
        clients=ClientModel(work=Delay("constant", 1.0)),
    )
    return Scenario("noised", (domain,), 0, versions, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result() -> SimulationResult:
    return run(scenario())


@pytest.fixture
async def log() -> AuditLog:
    simulation = Simulation(scenario(keep_log=True))
    simulation.run()
    return await read_log(simulation.services.log)


def test_a_version_s_clients_are_those_whose_coins_said_so(result: SimulationResult) -> None:
    drawn = [line.clients for line in result.rounds[1:]]
    # 6 rounds of 40 coins of a quarter: 60, standard deviation 6.7.
    assert len(set(drawn)) > 1
    assert abs(sum(drawn) - 60) < 4 * 6.7
    assert {line.closed_by for line in result.rounds[1:]} == {"deadline"}


def test_the_ledger_tells_epsilon_and_delta_of_every_version(result: SimulationResult) -> None:
    told = [entry.dp for entry in result.entries()]
    assert [d.epsilon for d in told if d] == [epsilon(CENTRAL, n) for n in range(7)]
    assert {d.delta for d in told if d} == {1e-5}
    assert [line.epsilon for line in result.rounds] == [d.epsilon for d in told if d]


def test_two_runs_are_the_same_bytes(result: SimulationResult) -> None:
    assert run(scenario()).ledger == result.ledger


def test_at_the_limit_every_client_falls_silent_and_no_version_follows() -> None:
    tight = msgspec.structs.replace(CENTRAL, epsilon_limit=1.001 * epsilon(CENTRAL, 3))
    over = run(scenario(tight, limit_s=1e4))
    (line,) = over.domains
    assert line.version == 3
    assert line.silenced == 40


def test_with_local_noise_the_ledger_tells_the_client_that_spent_most() -> None:
    rules = DpRules(where="local", sampling_rate=0.5, noise_multiplier=8.0)
    entries = run(scenario(rules, versions=3)).entries()
    last = entries[-1].dp
    assert last is not None
    assert last.epsilon == epsilon(rules, 3)
    assert [entry.mean_loss for entry in entries] == [None] * 4


async def test_an_audit_makes_every_noised_version_again(log: AuditLog) -> None:
    report = verify(log, Selection(), KnownRules())
    assert report.is_sound
    assert report.is_complete
    assert report.equal == 7


async def test_without_the_key_nothing_can_be_made_again_and_with_another_all_is_wrong(
    log: AuditLog,
) -> None:
    blind = verify(replace(log, noise_keys={}), Selection(), KnownRules())
    assert blind.is_sound
    assert not blind.is_complete
    forged = verify(replace(log, noise_keys={"waves": bytes(32)}), Selection(), KnownRules())
    assert not forged.is_sound


async def test_a_bundle_carries_the_key(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    write_bundle(path, log, (), exported_at_ms=0)
    again, _ = read_bundle(path)
    assert verify(again, Selection(), KnownRules()).equal == 7


async def test_only_the_optimiser_s_own_topic_holds_the_key() -> None:
    simulation = Simulation(scenario(keep_log=True))
    simulation.run()
    kept = simulation.services.log
    (key,) = (await read_log(kept)).noise_keys.values()
    written = [*(v for n, v in vars(topics).items() if n.isupper()), insights_topic("waves")]
    for topic in written:
        if isinstance(topic, str):
            holds = any(key in (r.value or b"") for r in await kept.read_all(topic))
            assert holds == (topic == META_STATE), topic
