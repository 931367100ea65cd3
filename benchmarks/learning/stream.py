"""Learning as a stream: rows that come one by one, stale clients, a drift, and stragglers."""

from functools import lru_cache, partial
from statistics import fmean
from typing import Literal

import msgspec

from benchmarks.tables import Figures, Row, Spread, Table, Target
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.learning.settings import LearningSettings
from scarcity.simulation.result import EvaluationLine
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import (
    ClientModel,
    Concurrent,
    Delay,
    DomainScenario,
    Drift,
    Evaluate,
    Nested,
    Panel,
    Rounds,
    RowStream,
    Scenario,
    Staleness,
    Stream,
)

Mode = Literal["sync", "stream"]
MODES: tuple[Mode, ...] = ("sync", "stream")
SEEDS = (0, 1, 2)
CLIENTS, STREAMED_ROWS = 200, 150
ROW_EVERY_S, CLIENT_EVERY_S = 20.0, 20.0
COLUMNS = ("x1", "x2", "x3", "y")
SCALING = dict.fromkeys(COLUMNS, (0.0, 1.0))
FOREVER_S = 1e9
NO_LIMIT = 10_000_000


def _nested(rows: int, draw: int, *, new_clients: int = 100) -> Nested:
    return Nested((CLIENTS,), rows=rows, draw=draw, new_clients=new_clients)


def prequential_row(window: int, mode: Mode, quick: bool) -> Figures:
    """Errors of rows when they come, over the second half of the streams."""
    rows = 40 if quick else STREAMED_ROWS
    told: dict[str, list[float]] = {}
    for seed in SEEDS[:1] if quick else SEEDS:
        domain = DomainScenario(
            "stream",
            _nested(window + rows, seed),
            support_rows=window // 2,
            scaling=SCALING,
            stream=RowStream(window, ROW_EVERY_S),
            clients=ClientModel(Stream(CLIENT_EVERY_S), Delay("exponential", 1.0)),
        )
        result = run(
            Scenario(
                "stream",
                (domain,),
                seed=seed,
                versions=NO_LIMIT,
                limit_s=ROW_EVERY_S * (rows + 2),
                poll_ms=500,
                learning=LearningSettings(mode=mode),
                evaluate=Evaluate(NO_LIMIT),
            )
        )
        late = result.prequential[len(result.prequential) // 2 :]
        for name in ("routed", "no_meta", "own_ridge", "own_mean"):
            error = fmean(getattr(line, name) for line in late)
            told.setdefault(name.replace("_", " "), []).append(error)
    figures = {name: Spread.of(values) for name, values in told.items()}
    ratio = figures["routed"].mean / min(figures["no meta"].mean, figures["own ridge"].mean)
    return {**figures, "routed : best alone": ratio}


STALE, UNWEIGHED, TO_FIVE = "weighed", "not weighed", "weighed : mean 5"
STALE_PANELS = ("economic", "medical", "technology")
STALE_ROUNDS, QUICK_ROUNDS = 400, 60


@lru_cache(maxsize=64)
def stale_error(panel: str, mean: float, weigh: bool, rounds: int) -> float:
    """New clients of a panel whose clients start so many versions behind, on average."""
    domain = DomainScenario(
        panel,
        Panel(panel, 10),
        clients=ClientModel(
            Rounds(32), Delay("constant", 1.0), staleness=Staleness("geometric", mean)
        ),
    )
    result = run(
        Scenario(
            panel,
            (domain,),
            versions=rounds,
            learning=LearningSettings(weigh_staleness=weigh),
            evaluate=Evaluate(rounds, 5),
        )
    )
    return result.evaluations[-1].routed


def stale_row(panel: str, mean: float, quick: bool) -> Figures:
    """With the weight 1 / (1 + staleness), and without."""
    rounds = QUICK_ROUNDS if quick else STALE_ROUNDS
    weighed = stale_error(panel, mean, True, rounds)
    return {
        STALE: weighed,
        UNWEIGHED: stale_error(panel, mean, False, rounds),
        TO_FIVE: weighed / stale_error(panel, 5.0, True, rounds),
    }


DRIFT_AT, DRIFT_EVERY, NEAR = 200, 5, 1.1


def drift_row(mode: Mode, quick: bool) -> Figures:
    """Other functions from a version on; rounds until new clients do as in a run that knew no
    other world, to within ten per cent."""
    at = 40 if quick else DRIFT_AT
    needed: dict[str, list[float]] = {"rounds to recover": [], "rounds from scratch": []}
    before, after, level = [], [], []
    for seed in SEEDS[:1] if quick else SEEDS:
        old = _drifting(mode, _nested(16, seed), at, seed, _nested(16, seed + 100))
        new = _drifting(mode, _nested(16, seed + 100), at, seed, None)
        goal = new[-1].routed * NEAR
        drifted = [line for line in old if line.version > at]
        before.append(next(line.routed for line in reversed(old) if line.version <= at))
        after.append(drifted[0].routed)
        level.append(new[-1].routed)
        needed["rounds to recover"].append(_first(drifted, goal, at))
        needed["rounds from scratch"].append(_first(new, goal, 0))
    return {
        "before": Spread.of(before),
        f"{DRIFT_EVERY} rounds after": Spread.of(after),
        "level": Spread.of(level),
        **{name: Spread.of(rounds) for name, rounds in needed.items()},
    }


def _drifting(
    mode: Mode, data: Nested, at: int, seed: int, then: Nested | None
) -> list[EvaluationLine]:
    domain = DomainScenario(
        "drift",
        data,
        scaling=SCALING,
        clients=ClientModel(Rounds(32), Delay("constant", 1.0)),
        drift=None if then is None else Drift(at, then),
    )
    versions = at if then is None else 2 * at
    scenario = Scenario(
        "drift",
        (domain,),
        seed=seed,
        versions=versions,
        learning=LearningSettings(mode=mode),
        evaluate=Evaluate(DRIFT_EVERY, 3),
    )
    return run(scenario).evaluations


def _first(lines: list[EvaluationLine], goal: float, since: int) -> float:
    """Rounds until an evaluation reaches the goal; all of them when none does."""
    reached = [line.version for line in lines if line.routed <= goal]
    return float(min(reached, default=lines[-1].version) - since)


BUFFER, SLOW_ROUNDS = 10, 200
AT_WORK = {"economic": 32, "medical": 24, "wages": 32, "technology": 32}  # medical has 28 clients
SPEEDUP = "times faster"
NOTHING_TO_LEARN = "The default start is as good as any version: there is nothing to be fast at."


def straggler_row(panel: str, quick: bool) -> Figures:
    """Virtual time until new clients do as well as after the last synchronous round."""
    rounds = 30 if quick else SLOW_ROUNDS
    at_work = AT_WORK[panel]
    waiting = RoundPolicy(
        mode="async", buffer=at_work, min_clients=at_work, deadline_s=FOREVER_S / 1e3
    )
    buffered = msgspec.structs.replace(waiting, buffer=BUFFER, min_clients=BUFFER)
    together = _straggling(panel, Rounds(at_work, 1e6), waiting, rounds)
    most = rounds * at_work // BUFFER * 2
    alone = _straggling(panel, Concurrent(at_work), buffered, most)
    goal = together[-1].routed
    ends_s = next(line.at_s for line in together if line.routed <= goal)
    reached = [line.at_s for line in alone if line.routed <= goal]
    return {
        "error to reach": goal,
        "synchronous, s": ends_s,
        "asynchronous, s": min(reached, default=float("inf")),
        SPEEDUP: ends_s / min(reached) if reached else 0.0,
    }


def _straggling(
    panel: str, arrival: Rounds | Concurrent, policy: RoundPolicy, versions: int
) -> list[EvaluationLine]:
    domain = DomainScenario(
        panel,
        Panel(panel, 10),
        policy=policy,
        clients=ClientModel(
            arrival, Delay("lognormal", 1.0, 0.5), slow_share=0.1, slow_factor=10.0
        ),
    )
    scenario = Scenario(
        panel, (domain,), versions=versions, poll_ms=50, evaluate=Evaluate(DRIFT_EVERY, 3)
    )
    return run(scenario).evaluations


PREQUENTIAL = Table(
    name="prequential",
    title="Stream: each row is predicted before anyone learns of it",
    about=f"""
{CLIENTS} clients of one population (table of domains); a row comes to each every {ROW_EVERY_S:.0f}
virtual seconds and a client publishes as often; it holds its last 8 or 32 rows and adapts on all
of them. Mean squared error of {STREAMED_ROWS} rows a client when they come, over the second half of
the stream; mean and deviation over three seeds. `no meta`: the same experts from the default
start. `own ridge`: penalties chosen in hindsight. `sync` and `stream` are the two schedules of the
learning rate.
""",
    rows=tuple(
        Row(
            f"window {window}, {mode}",
            partial(prequential_row, window, mode),
            (Target("routed : best alone", 1.0),),
            in_quick=window == 8 and mode == "stream",
        )
        for window in (8, 32)
        for mode in MODES
    ),
)
OLD_STARTS = (
    "The weight gains 3 % at a mean of 5 and nothing at 20, as then few are fresh: what is missed "
    "is mostly the better figure that this row is compared with."
)
STALENESS = Table(
    name="staleness",
    title="Stream: clients that start from old versions",
    about=f"""
New clients of a panel after {STALE_ROUNDS} rounds of 32 clients; staleness geometric with the mean
that the row names. Insights on versions more than {LearningSettings().max_staleness} behind are
left out of the step, with the weight and without.
""",
    rows=tuple(
        Row(
            f"{panel}, mean {mean}",
            partial(stale_row, panel, float(mean)),
            (Target(TO_FIVE, 1.01),) if mean == 20 else (),
            explanation=OLD_STARTS if (panel, mean) == ("economic", 20) else "",
            in_quick=panel == STALE_PANELS[0] and mean != 60,
        )
        for panel in STALE_PANELS
        for mean in (5, 20, 60)
    ),
)
DRIFT = Table(
    name="drift",
    title="Stream: a drift in the middle",
    about=f"""
One population (table of domains) whose functions are all drawn anew at version {DRIFT_AT}, 32
clients a round. `level`: new clients of a run that knew the new world alone, after as many rounds.
Recovered means within ten per cent of it, looked at every {DRIFT_EVERY} rounds ({DRIFT_AT} when it
did not); `from scratch`: the same of that run. Three seeds.
""",
    rows=tuple(Row(mode, partial(drift_row, mode), in_quick=mode == "sync") for mode in MODES),
)
STRAGGLERS = Table(
    name="stragglers",
    title="Stream: asynchronous against synchronous rounds",
    about=f"""
A tenth of the clients is ten times slower. Synchronous rounds wait for all 32 drawn (medical: 24);
asynchronous ones close at {BUFFER} insights while as many clients are at work at any time.
Virtual seconds until new clients do as well as after {SLOW_ROUNDS} synchronous rounds. FedBuff
(Nguyen et al. 2022) reports 3.3 to 3.8 times faster on tasks of its own.
""",
    rows=tuple(
        Row(
            panel,
            partial(straggler_row, panel),
            (Target(SPEEDUP, 3.3, at_least=True),),
            in_quick=panel == STALE_PANELS[0],
            explanation=NOTHING_TO_LEARN if panel == "technology" else "",
        )
        for panel in AT_WORK
    ),
)
