"""What insights give away, what privacy modes cost, and how many bytes leave a client."""

import asyncio
import gzip
from functools import partial
from statistics import fmean
from typing import Final, Literal, NamedTuple

from benchmarks.tables import Figures, Row, Spread, Table, Target
from scarcity.demo.panels import PANEL_NAMES
from scarcity.events.domain_profile import PrivacyMode
from scarcity.events.dp_rules import NO_PROMISE, DpRules
from scarcity.events.topics import META_PARAMETERS, insights_topic
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, Record
from scarcity.learning.accounting import epsilon
from scarcity.simulation.attacks.membership import area_under_curve, membership_scores
from scarcity.simulation.attacks.victims import ONE_EXPERT, make_victim
from scarcity.simulation.populations import populate
from scarcity.simulation.runner import Simulation, run
from scarcity.simulation.scenario import (
    ClientModel,
    Delay,
    DomainScenario,
    Evaluate,
    Nested,
    Panel,
    Scenario,
    Sinusoid,
    SlopeChoice,
)

RECOVERED = 0.1  # standard deviations
SPLITS = (0, 1, 2)
ALL_EXPERTS = tuple(range(EXPERT_COUNT))
NO_EVALUATION = 1_000_000
SHARE, AUC = "error / mean guess", "AUC"


class Effort(NamedTuple):
    """How hard the attacker tries: the time of an iteration grows with the cube of the rows."""

    victims: int
    starts: int
    iterations: int


SMALL, MIDDLE, LARGE = Effort(6, 12, 80), Effort(3, 4, 30), Effort(2, 2, 20)


def attack_row(
    rows: int,
    privacy: PrivacyMode,
    experts: tuple[int, ...],
    only_slopes_and_loss: bool,
    effort: Effort,
    runs_all: bool,
    quick: bool,
) -> Figures:
    """Rows from insights: least squares from several starts, with all that the server knows."""
    errors, means, numbers = [], [], 0
    for seed in range(2 if quick else effort.victims):
        own = () if runs_all else experts
        victim = make_victim(seed, privacy=privacy, rows=rows, experts=own)
        guess = victim.attack(
            experts=experts,
            only_slopes_and_loss=only_slopes_and_loss,
            starts=effort.starts,
            iterations=effort.iterations,
        )
        numbers = guess.numbers
        errors.append(guess.error(victim.rows))
        means.append(victim.mean_guess_error)
    return {
        "victims": float(len(errors)),
        "unknown": float(rows * 7),
        "numbers used": float(numbers),
        "recovered": float(sum(error < RECOVERED for error in errors)),
        "error, sd": fmean(errors),
        SHARE: fmean(errors) / fmean(means),
    }


def membership_row(name: str, quick: bool) -> Figures:
    """Members from the parameters after 200 rounds of 32 clients."""
    found, counts = [], (0, 0)
    for split in SPLITS[:1] if quick else SPLITS:
        waves = Sinusoid(clients=200, rows=10, new_clients=400, new_rows=10)
        data = waves if name == "sinusoids" else Panel(name, split)
        domain = DomainScenario(name, data)
        rounds = 50 if quick else 200
        scenario = Scenario(name, (domain,), split, rounds, evaluate=Evaluate(NO_EVALUATION))
        z, people = run(scenario).parameters[name], populate(scenario, domain)
        scores = [
            membership_scores(people.profile, z, entities)
            for entities in (people.training, people.new)
        ]
        counts = len(scores[0]), len(scores[1])
        found.append(area_under_curve(*scores))
    return {"members": float(counts[0]), "others": float(counts[1]), AUC: Spread.of(found)}


CLIENTS, A_ROUND, DP_ROUNDS, NOISE = 1500, 200, 500, 2.0
EPSILON, STRICT, CHANGE = "epsilon, delta 1/1500", "epsilon, delta 1e-5", "change, %"


def noised_row(
    where: Literal["central", "local"], experts: tuple[int, ...], slopes: SlopeChoice, quick: bool
) -> Figures:
    """The same run with noise and without; new clients of one population."""
    rounds = 50 if quick else DP_ROUNDS
    rules = dp_rules(where, slopes)
    noised = _noised(rules, experts, slopes, rounds)
    silent = DpRules(
        where=rules.where,
        noise_multiplier=0.0,
        clients=rules.clients,
        sampling_rate=rules.sampling_rate,
        delta=rules.delta,
        epsilon_limit=NO_PROMISE,
    )
    bare = _noised(silent, experts, slopes, rounds)
    strict = DpRules(
        where=rules.where,
        noise_multiplier=rules.noise_multiplier,
        clients=rules.clients,
        sampling_rate=rules.sampling_rate,
        delta=1e-5,
        epsilon_limit=rules.epsilon_limit,
    )
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


BATCH = 100


def uplink_row(slopes: bool, quick: bool) -> Figures:
    """Records of real client cores, in batches as a producer compresses them."""
    name = "economic"
    domain = DomainScenario(name, Panel(name), slopes=slopes)
    scenario = Scenario(
        name,
        (domain,),
        versions=5 if quick else 30,
        evaluate=Evaluate(NO_EVALUATION),
        keep_log=True,
    )
    simulation = Simulation(scenario)
    simulation.run()
    log = simulation.services.log
    raw = [_raw(record) for record in asyncio.run(log.read_all(insights_topic(name)))]
    versions = [_raw(record) for record in asyncio.run(log.read_all(META_PARAMETERS))]
    batches = [raw[at : at + BATCH] for at in range(0, len(raw) - BATCH + 1, BATCH)] or [raw]
    packed = [len(gzip.compress(b"".join(some), 6)) / len(some) for some in batches]
    weights = 4 * EXPERT_COUNT * FEATURE_COUNT
    return {
        "up, JSON": fmean(map(len, raw)),
        "up, gzip": fmean(packed),
        "down, a version": fmean(map(len, versions)),
        "FedAvg up": float(weights),
        "FedAvg down": float(weights),
    }


def _raw(record: Record) -> bytes:
    headers = b"".join(key.encode() + value for key, value in record.headers)
    return (record.key or b"") + (record.value or b"") + headers


# Clip by number of slopes, chosen on a population of another seed.
CLIPS: Final[dict[SlopeChoice, float]] = {16: 0.03, 128: 0.05}


def dp_rules(where: Literal["central", "local"], slopes: SlopeChoice) -> DpRules:
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


GUESS = (Target(SHARE, 0.9, at_least=True),)

RECONSTRUCTION = Table(
    name="reconstruction",
    title="Privacy: rows from insights",
    about=f"""
The server's attack: victims with rows of 6 columns and a target take part in 8 rounds;
the attacker knows the parameters, the public directions, features and splits, and fits all rows
to the published numbers (least squares, Levenberg-Marquardt, several starts). `recovered`:
victims whose rows are found to less than {RECOVERED} standard deviations; `{SHARE}`: 1 is no
better than every column's mean. In mode `budget` a client of 4 rows publishes nothing, one of 24
rows the losses of two rounds, and one of 64 rows that runs one expert the slopes of all eight
rounds.
""",
    rows=(
        Row(
            "open, 4 rows, one expert's slopes and loss",
            partial(attack_row, 4, "open", ONE_EXPERT, True, SMALL, True),
            (Target("recovered", 5, at_least=True),),
            in_quick=True,
        ),
        Row(
            "budget, 4 rows",
            partial(attack_row, 4, "budget", ALL_EXPERTS, False, SMALL, True),
            GUESS,
        ),
        Row(
            "budget, 24 rows",
            partial(attack_row, 24, "budget", ALL_EXPERTS, False, MIDDLE, True),
            GUESS,
        ),
        Row(
            "budget, 64 rows, one expert with slopes",
            partial(attack_row, 64, "budget", ONE_EXPERT, False, LARGE, False),
            GUESS,
        ),
    ),
)
FEW = "28 members and 12 others a deal: the deviation is larger than what the goal is missed by."
MEMBERSHIP = Table(
    name="membership",
    title="Privacy: who took part",
    about="""
From the parameters alone, after 200 rounds of 32 clients in mode `open`: area under the curve of
telling clients that took part from clients that never did, by how well the parameters fit their
rows; .5 is guessing. Mean and deviation over three deals. With a few dozen others the deviation
of a deal is about .08.
""",
    rows=tuple(
        Row(
            name,
            partial(membership_row, name),
            (Target(AUC, 0.55),),
            in_quick=name == "economic",
            explanation=FEW if name == "medical" else "",
        )
        for name in (*PANEL_NAMES, "sinusoids")
    ),
)
FASTER = (
    "With 128 slopes everything learns faster, without noise most of all: the price rises and the "
    "error falls."
)
WHO_ADDS: Final[tuple[tuple[Literal["central", "local"], tuple[int, ...]], ...]] = (
    ("central", ()),
    ("central", ONE_EXPERT),
    ("local", ONE_EXPERT),
)
NOISED = Table(
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
UPLINK = Table(
    name="uplink",
    title="Bytes of a client-round",
    about=f"""
Key, value and headers of a record, mean over a run on the economic panel; gzip over batches of
{BATCH} records. FedAvg of the same model (ten experts of 64 weights, float32) sends the weights
both ways. A version (theta, variances and losses, float64) goes to all clients of a domain at
once.
""",
    rows=(
        Row("with slopes", partial(uplink_row, True), in_quick=True),
        Row("losses only", partial(uplink_row, False)),
    ),
)
