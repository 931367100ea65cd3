"""Small scenarios that several tests run."""

from scarcity.simulation.scenario import (
    Attackers,
    ClientModel,
    Delay,
    DomainScenario,
    Evaluate,
    Rounds,
    Scenario,
    Sinusoid,
    Staleness,
    Stream,
)

WAVES = Sinusoid(clients=24, rows=6, new_clients=5, new_rows=10)
ROUGH = ClientModel(
    arrival=Stream(every_s=5.0),
    work=Delay(kind="lognormal", mean_s=1.0, spread=1.0),
    slow_share=0.2,
    slow_factor=5.0,
    dropout=0.1,
    staleness=Staleness(kind="geometric", mean=2.0),
    lost=0.1,
    duplicated=0.2,
)


def calm(*, versions: int = 4, clients: int = 12, **changes: object) -> Scenario:
    """Rounds of ``clients`` without faults."""
    model = ClientModel(arrival=Rounds(clients=clients), work=Delay(kind="constant", mean_s=1.0))
    domain = DomainScenario("waves", WAVES, clients=model)
    scenario = Scenario("calm", (domain,), versions=versions, evaluate=Evaluate(2, 1))
    return _changed(scenario, changes)


def rough(*, versions: int = 6, **changes: object) -> Scenario:
    """Two domains of a family, every fault, and attackers."""
    gang = Attackers("against-honest-at-clip", share=0.25, after_versions=2)
    north = DomainScenario("north", WAVES, family="waves", clients=ROUGH, attackers=(gang,))
    south = DomainScenario("south", WAVES, family="waves", clients=ROUGH, joins_at_s=20.0)
    scenario = Scenario("rough", (north, south), versions=versions, evaluate=Evaluate(3, 1))
    return _changed(scenario, changes)


def _changed(scenario: Scenario, changes: dict[str, object]) -> Scenario:
    import msgspec

    return msgspec.structs.replace(scenario, **changes)
