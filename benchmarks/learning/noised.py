"""What mode dp costs: the same population learned with noise and without."""

from functools import partial
from typing import Final, Literal

from msgspec.structs import replace

from benchmarks.tables import Figures, Row, Table, Target
from scarcity.events.dp_rules import NO_PROMISE, DpRules
from scarcity.events.types import SlopeChoice
from scarcity.learning.accounting import epsilon
from scarcity.simulation.attacks.victims import ONE_EXPERT
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import (
    ClientModel,
    Delay,
    DomainScenario,
    Evaluate,
    Nested,
    Scenario,
)

Where = Literal["central", "local"]
CLIENTS, A_ROUND, DP_ROUNDS, NOISE = 1500, 200, 500, 2.0
EPSILON, STRICT, CHANGE = "epsilon, delta 1/1500", "epsilon, delta 1e-5", "change, %"


def noised_row(where: Where, experts: tuple[int, ...], slopes: SlopeChoice, quick: bool) -> Figures:
    """The same run with noise and without; new clients of one population."""
    rounds = 50 if quick else DP_ROUNDS
    rules = dp_rules(where, slopes)
    noised = _noised(rules, experts, slopes, rounds)
    silent = replace(rules, noise_multiplier=0.0, clip=WIDE_CLIP, epsilon_limit=NO_PROMISE)
    bare = _noised(silent, experts, slopes, rounds)
    strict = replace(rules, delta=1e-5)
    return {
        EPSILON: epsilon(rules, rounds),
        STRICT: epsilon(strict, rounds),
        "noised": noised[0],
        "without noise": bare[0],
        "own ridge": bare[1],
        CHANGE: 100 * (noised[0] / bare[0] - 1),
    }


def _noised(
    rules: DpRules, experts: tuple[int, ...], slopes: SlopeChoice, rounds: int
) -> tuple[float, float]:
    data = Nested((CLIENTS,), new_clients=200)
    columns = (*(f"x{number}" for number in range(1, data.inputs + 1)), "y")
    domain = DomainScenario(
        "people",
        data,
        privacy="dp",
        dp=rules,
        experts=experts,
        slopes_per_expert=slopes,
        scaling=dict.fromkeys(columns, (0.0, 1.0)),
        clients=ClientModel(work=Delay("constant", 1.0)),
    )
    scenario = Scenario(
        "noised", (domain,), versions=rounds, poll_ms=500, evaluate=Evaluate(rounds)
    )
    line = run(scenario).evaluations[-1]
    return line.routed, line.own_ridge


# Clip by number of slopes, chosen on a population of another seed.
CLIPS: Final[dict[SlopeChoice, float]] = {16: 0.03, 128: 0.05}
WIDE_CLIP: Final = 1.0  # that hardly cuts anything


def dp_rules(where: Where, slopes: SlopeChoice) -> DpRules:
    """Noise that promises what the table says."""
    return DpRules(
        where=where,
        clients=CLIENTS,
        clip=CLIPS[slopes],
        sampling_rate=A_ROUND / CLIENTS,
        noise_multiplier=NOISE,
        delta=1 / CLIENTS,
        epsilon_limit=50.0 if where == "central" else NO_PROMISE,
    )


FASTER = (
    "With 128 slopes everything learns faster, without noise most of all: the price rises and the "
    "error falls."
)
WHO_ADDS: Final[tuple[tuple[Where, tuple[int, ...]], ...]] = (
    ("central", ()),
    ("central", ONE_EXPERT),
    ("local", ONE_EXPERT),
)
TABLE = Table(
    name="noised",
    title="Privacy: the price of mode dp",
    about=f"""
One population of {CLIENTS} clients with 16 rows of three inputs (table of domains), 200 new
clients, {DP_ROUNDS} rounds in which {A_ROUND} take part on average, each by its own secret coin;
noise {NOISE:.0f} times the sensitivity; 16 slopes an expert, the most that a domain without noise
may have, or all 128; the norm of a client's bounded by {CLIPS[16]:g} and {CLIPS[128]:g}. Squared
error of new clients with the noise, and of the same run, sampled likewise and hardly clipped,
without. Epsilon by dp-accounting (PLD). `local`: each client adds noise to its own slopes and tells
no loss; there sampling gains nothing.
""",
    rows=tuple(
        Row(
            f"{where}, {'one expert' if experts else 'ten experts'}, {slopes} slopes",
            partial(noised_row, where, experts, slopes),
            (Target(EPSILON, 6.0), Target(CHANGE, 2.0)) if where == "central" else (),
            {EPSILON: 5.74, CHANGE: 1.8} if where == "central" else None,
            in_quick=(where, slopes) == ("central", 16) and bool(experts),
            explanation=FASTER if where == "central" and slopes == 128 else "",
        )
        for slopes in CLIPS
        for where, experts in WHO_ADDS
    ),
)
