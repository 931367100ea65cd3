"""Domains that share a start: one for all, each its own, or a family with what each adds."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.learning.grouped_panels import GROUPED, write_grouped
from benchmarks.tables import Figure, Figures, Row, Spread, Table, Target
from scarcity.learning.settings import LearningSettings
from scarcity.simulation.populations import populate
from scarcity.simulation.runner import Simulation, run
from scarcity.simulation.scenario import (
    ClientModel,
    Data,
    Delay,
    DomainScenario,
    Evaluate,
    Nested,
    Rounds,
    Scenario,
)

SIZES = tuple(round(size) for size in np.geomspace(2, 200, 12).tolist())
LATE_SIZES = (8, 8, 8)
A_ROUND = 32  # clients of a domain, or all it has
SEEDS, ROUNDS, QUICK_ROUNDS = (0, 1, 2), 200, 40
LATE_ROUNDS, ALONE_ROUNDS, QUICK_ALONE_ROUNDS, EVERY = 10, 400, 60, 5
ROUND_S, LATE_EVERY_S = 1.05, 15.0  # of virtual time
SMOOTH = LearningSettings(wave_decay=0.0)

SHARED, SEPARATE, HIERARCHICAL = "shared", "separate", "hierarchical"
ARMS = (SHARED, SEPARATE, HIERARCHICAL)
BETTER_RATIO = "hierarchical / better of the two"
ALONE = "rounds alone"
PROBE = {SHARED: 0.0846, SEPARATE: 0.0927, HIERARCHICAL: 0.0615}
BETTER = (Target(BETTER_RATIO, 1.0),)
EXPLANATIONS = {
    "US states": "Cohorts of all states follow nearly one law: one domain for all is best, and the "
    "hierarchy comes close.",
    "regions": "Three regions of one state hardly differ: one domain for all is best.",
}


@dataclass(frozen=True)
class World:
    """Groups of clients, and all of them together, for a scenario.

    Attributes:
        clients: of each group that take part.
        support_rows: 0: half of the rows.
        directory: of CSV files.
    """

    groups: Mapping[str, Data]
    clients: Mapping[str, int]
    everyone: Data
    scaling: dict[str, tuple[float, float]]
    support_rows: int = 0
    directory: Path = Path()

    def domain(self, name: str, data: Data, clients: int, family: str = "") -> DomainScenario:
        """A domain of which ``clients`` take part in a round."""
        return DomainScenario(
            name,
            data,
            family,
            self.support_rows,
            clients=ClientModel(Rounds(clients), Delay("constant", 1.0)),
            scaling=self.scaling,
        )

    def group(self, name: str, family: str = "") -> DomainScenario:
        """A group as a domain."""
        return self.domain(name, self.groups[name], min(A_ROUND, self.clients[name]), family)

    def domains(self, arm: str) -> tuple[DomainScenario, ...]:
        """All clients, in every arm equally many a round."""
        if arm == SHARED:
            a_round = sum(min(A_ROUND, clients) for clients in self.clients.values())
            return (self.domain("everyone", self.everyone, a_round),)
        return tuple(self.group(name, "all" if arm == HIERARCHICAL else "") for name in self.groups)


def nested_world() -> World:
    """Twelve groups of 2 to 200 clients in one population."""
    data = Nested(SIZES + LATE_SIZES)
    numbers = {f"group-{number:02d}": number for number in range(len(SIZES))}
    columns = (*(f"x{number}" for number in range(1, data.inputs + 1)), "y")
    return World(
        {name: msgspec.structs.replace(data, group=number) for name, number in numbers.items()},
        dict(zip(numbers, SIZES, strict=True)),
        Nested(SIZES),
        dict.fromkeys(columns, (0.0, 1.0)),
    )


def errors(
    world: World, arm: str, *, seed: int, rounds: int, learning: LearningSettings
) -> dict[str, tuple[float, float]]:
    """Of each group's new clients: routed error, and that of their own ridge; one scale."""
    scenario = Scenario(
        arm,
        world.domains(arm),
        seed=seed,
        versions=rounds,
        learning=learning,
        evaluate=Evaluate(10 * rounds, 3),
        directory=world.directory,
    )
    simulation = Simulation(scenario)
    simulation.run()
    told = {}
    for name in world.groups:
        new = populate(scenario, world.group(name)).new
        line = simulation.evaluate_others("everyone" if arm == SHARED else name, new)
        assert line is not None, name
        told[name] = (line.routed, line.own_ridge)
    return told


def compare(worlds: list[tuple[World, int]], rounds: int, learning: LearningSettings) -> Figures:
    """Every arm; a world and its seed are a repetition."""
    means: dict[str, list[float]] = {arm: [] for arm in (*ARMS, "own ridge", BETTER_RATIO)}
    by_size: dict[str, list[float]] = {}
    for world, seed in worlds:
        arms = {
            arm: errors(world, arm, seed=seed, rounds=rounds, learning=learning) for arm in ARMS
        }
        for arm, told in arms.items():
            means[arm].append(_mean([error for error, _ in told.values()]))
        means["own ridge"].append(_mean([ridge for _, ridge in arms[SHARED].values()]))
        better = min(means[SHARED][-1], means[SEPARATE][-1])
        means[BETTER_RATIO].append(means[HIERARCHICAL][-1] / better)
        for label, names in _sizes(world.clients).items():
            for other in (SHARED, SEPARATE):
                ratio = _mean([arms[HIERARCHICAL][n][0] for n in names]) / _mean(
                    [arms[other][n][0] for n in names]
                )
                by_size.setdefault(f"hierarchical / {other}, {label}", []).append(ratio)
    return {name: Spread.of(values) for name, values in (means | by_size).items()}


def _sizes(clients: Mapping[str, int]) -> dict[str, list[str]]:
    limits = (("2-10 clients", 10), ("11-50 clients", 50), ("51 clients and more", 10**9))
    result: dict[str, list[str]] = {}
    for name, size in clients.items():
        label = next(label for label, limit in limits if size <= limit)
        result.setdefault(label, []).append(name)
    return result


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def synthetic(learning: LearningSettings, quick: bool) -> Figures:
    """The multilevel population."""
    seeds = SEEDS[:1] if quick else SEEDS
    rounds = QUICK_ROUNDS if quick else ROUNDS
    return compare([(nested_world(), seed) for seed in seeds], rounds, learning)


def real(name: str, quick: bool) -> Figures:
    """A panel; each seed deals its entities anew."""
    seeds = SEEDS[:1] if quick else SEEDS
    with tempfile.TemporaryDirectory() as made:
        worlds = []
        for seed in seeds:
            directory = Path(made) / f"{seed}"
            directory.mkdir()
            panel = write_grouped(name, seed, directory)
            worlds.append(
                (
                    World(
                        {n: panel.data(group) for n, group in panel.groups.items()},
                        {n: group.clients for n, group in panel.groups.items()},
                        panel.data(panel.everyone),
                        panel.scaling,
                        panel.support_rows,
                        directory,
                    ),
                    seed,
                )
            )
        return compare(worlds, QUICK_ROUNDS if quick else ROUNDS, LearningSettings())


def late(learning: LearningSettings, quick: bool) -> Figures:
    """Domains that join late, after ten rounds, and the rounds that each needs without a family."""
    first: list[float] = []
    needed: list[float] = []
    rounds = QUICK_ROUNDS if quick else ROUNDS
    for seed in SEEDS[:1] if quick else SEEDS:
        for name, error in _late_errors(learning, seed, rounds).items():
            first.append(error)
            needed.append(_rounds_alone(name, error, learning, seed, quick))
    never = sum(not np.isfinite(rounds) for rounds in needed)
    most = QUICK_ALONE_ROUNDS if quick else ALONE_ROUNDS
    figures: dict[str, Figure] = {
        f"error after {LATE_ROUNDS} rounds": Spread.of(first),
        ALONE: Spread.of([min(rounds, most) for rounds in needed]),
        "fewest rounds alone": min(min(needed), most),
        f"not within {most} rounds": f"{never} of {len(needed)}",
    }
    return figures


def _late_data(number: int) -> Nested:
    return Nested(SIZES + LATE_SIZES, len(SIZES) + number)


def _late_errors(learning: LearningSettings, seed: int, rounds: int) -> dict[str, float]:
    world = nested_world()
    begins_s = ROUND_S * rounds
    latecomers = [
        msgspec.structs.replace(
            world.domain(f"late-{number}", _late_data(number), size, "all"),
            joins_at_s=begins_s + number * LATE_EVERY_S,
        )
        for number, size in enumerate(LATE_SIZES)
    ]
    result = run(
        Scenario(
            "latecomers",
            (*world.domains(HIERARCHICAL), *latecomers),
            seed=seed,
            versions=10 * rounds,
            limit_s=begins_s + len(LATE_SIZES) * LATE_EVERY_S,
            learning=learning,
            evaluate=Evaluate(LATE_ROUNDS, 3),
        )
    )
    return {
        line.domain: line.routed
        for line in result.evaluations
        if line.domain.startswith("late") and line.version == LATE_ROUNDS
    }


def _rounds_alone(
    name: str, error: float, learning: LearningSettings, seed: int, quick: bool
) -> float:
    number = int(name.removeprefix("late-"))
    domain = nested_world().domain(name, _late_data(number), LATE_SIZES[number])
    result = run(
        Scenario(
            "alone",
            (domain,),
            seed=seed,
            versions=QUICK_ALONE_ROUNDS if quick else ALONE_ROUNDS,
            learning=learning,
            evaluate=Evaluate(EVERY, 3),
        )
    )
    reached = [line.version for line in result.evaluations if line.routed <= error]
    return float(min(reached, default=np.inf))


TABLE = Table(
    name="domains",
    title="Domains: shared, separate, hierarchical",
    about=f"""\
Mean over domains of the squared error of clients that never took part, the same rows and the same
scale in all columns; lower is better. `shared`: one domain for all clients. `separate`: each domain
is a family of its own. `hierarchical`: the domains are one family. In all three the same clients
publish, {A_ROUND} of each group in a round (or all it has), for {ROUNDS} rounds; mean and deviation
over three seeds.

`synthetic`: twelve groups of {", ".join(map(str, SIZES))} clients with 16 rows of three inputs.
y = F(x) + G(x) + C(x) + noise, smooth random functions of the population, the group and the client
(standard deviations 1, .5, .25, of the noise .125: each half of the one above; chosen beforehand).
The probe's figures are of a population of its own; what compares is their order.

`late domain`: groups of 8 clients join the family after {ROUNDS} rounds; their error after
{LATE_ROUNDS} rounds, and how many rounds the same clients need alone to reach it (looked at every
{EVERY}, {ALONE_ROUNDS} at most; a domain that has not got there counts as {ALONE_ROUNDS}).

Real groups: unemployment insurance in the US states (domains: 48 states; clients: a state's workers
who lost their jobs in one year), labour demand in British industries (9 industries; firms), crime
in North Carolina (3 regions; counties). The archive has no panel of institutions below many states;
these three are all it has of entities in groups, and all are shown.""",
    rows=(
        Row("synthetic", partial(synthetic, LearningSettings()), BETTER, PROBE),
        Row(
            "synthetic, no wave decay",
            partial(synthetic, SMOOTH),
            BETTER,
            PROBE,
            in_quick=True,
        ),
        Row(
            "late domain",
            partial(late, LearningSettings()),
            (Target(ALONE, 100, at_least=True),),
        ),
        Row(
            "late domain, no wave decay",
            partial(late, SMOOTH),
            (Target(ALONE, 100, at_least=True),),
            in_quick=True,
        ),
        *(
            Row(
                name,
                partial(real, name),
                BETTER,
                in_quick=name == "regions",
                explanation=EXPLANATIONS.get(name, ""),
            )
            for name in GROUPED
        ),
    ),
)
