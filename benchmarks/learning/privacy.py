"""What insights give away, and how many bytes leave a client."""

import asyncio
import gzip
from functools import partial
from statistics import fmean
from typing import NamedTuple

from benchmarks.tables import Figures, Row, Spread, Table, Target
from scarcity.demo.panels import PANEL_NAMES
from scarcity.events.domain_profile import PrivacyMode
from scarcity.events.topics import META_PARAMETERS, insights_topic
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, Record
from scarcity.simulation.attacks.membership import area_under_curve, membership_scores
from scarcity.simulation.attacks.victims import ONE_EXPERT, make_victim
from scarcity.simulation.populations import populate
from scarcity.simulation.runner import Simulation, run
from scarcity.simulation.scenario import (
    DomainScenario,
    Evaluate,
    Panel,
    Scenario,
    Sinusoid,
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
