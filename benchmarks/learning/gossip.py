"""Gossip: how fast peers agree, what a dead server costs, and what poisoned priors do."""

from collections.abc import Callable
from functools import lru_cache, partial
from math import e, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.tables import Figures, Row, Table, Target
from scarcity.gossip.planner import P2PGossipManager
from scarcity.learning.mixing import pull
from scarcity.simulation.gossip_scenario import Gossip, Outage, WeightAttackers
from scarcity.simulation.result import GossipLine, SimulationResult
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import (
    ClientModel,
    Delay,
    DomainScenario,
    Evaluate,
    Panel,
    Rounds,
    Scenario,
)

Array = npt.NDArray[np.float64]
Cycle = Callable[[Array, int, np.random.Generator], Array]

PANEL, SPLIT = "economic", 10
CYCLES, POISONED_CYCLES, QUICK_CYCLES, CYCLE_S = 400, 150, 40, 10.0
ALL = 10_000_000  # clients a round: whoever is idle
FOREVER_S = 1e9
SIZES, MIXING_CYCLES, REPEATS = (8, 32, 256), 4, 300
THEORY = 1 / (2 * sqrt(e))

PAIRWISE, GROUPED = "pairwise push-pull", "groups of eight, as planned"
BESIDE = "beside pooled, %"
Attack = Literal["sign-flip", "shift", "alie", "noise", "against-momentum"]


def contraction(cycle: Cycle, clients: int) -> float:
    """Expected variance after a cycle : before, of one number a client; mean of some cycles."""
    before, after = 0.0, 0.0
    for seed in range(REPEATS):
        draw = np.random.default_rng([clients, seed])
        values = draw.standard_normal(clients)
        before += float(values.var())
        for number in range(MIXING_CYCLES):
            values = cycle(values, number, draw)
        after += float(values.var())
    return float((after / before) ** (1 / MIXING_CYCLES))


def pairwise(values: Array, _: int, draw: np.random.Generator) -> Array:
    """Each client in turn meets one drawn at random; both take their mean."""
    values = values.copy()
    for client in range(len(values)):
        peer = (client + 1 + int(draw.integers(len(values) - 1))) % len(values)
        values[client] = values[peer] = (values[client] + values[peer]) / 2
    return values


def grouped(values: Array, number: int, draw: np.random.Generator) -> Array:
    """The planner's groups and the clients' own mixing, all at once; loss profiles are alike."""
    names = [f"client-{place}" for place in range(len(values))]
    profiles = {name: draw.random(3).tolist() for name in names}
    plans = P2PGossipManager().plan("mixing", number, profiles)
    at = {name: np.array([[value]]) for name, value in zip(names, values.tolist(), strict=True)}
    mixed = {
        p.client_id: pull(at[p.client_id], [at[q] for q in p.peers], radius=1e9) for p in plans
    }
    return np.array([mixed[name].item() for name in names])


def mixing_row(clients: int, quick: bool) -> Figures:  # noqa: ARG001
    """Variance left after a cycle."""
    return {
        PAIRWISE: contraction(pairwise, clients),
        GROUPED: contraction(grouped, clients),
    }


def learn(cycles: int, gossip: Gossip | None, outage: Outage | None = None) -> SimulationResult:
    """A panel in which every client takes part in every round."""
    domain = DomainScenario(
        PANEL,
        Panel(PANEL, SPLIT),
        clients=ClientModel(Rounds(ALL), Delay("constant", CYCLE_S - 1.0)),
    )
    return run(
        Scenario(
            PANEL,
            (domain,),
            versions=cycles,
            limit_s=(cycles + 2) * CYCLE_S if outage is not None else FOREVER_S,
            poll_ms=1000,
            evaluate=Evaluate(cycles, 5),
            gossip=gossip,
            outage=outage,
        )
    )


def rules(
    cycles: int,
    *,
    exact: bool = False,
    hysteresis: Literal["default", "none", "only-if-better"] = "default",
    attackers: tuple[WeightAttackers, ...] = (),
) -> Gossip:
    """A cycle a round; clients stay in the plan though no memory tells of them."""
    return Gossip(
        every_s=CYCLE_S,
        active_s=FOREVER_S,
        silent_after_s=2 * CYCLE_S,
        exact=exact,
        hysteresis=hysteresis,
        attackers=attackers,
        judged_every=cycles,
        judged_peers=16,
        held_out=0.0,
    )


@lru_cache(maxsize=4)
def pooled(cycles: int) -> float:
    """New clients after as many rounds with a server, without gossip."""
    return learn(cycles, None).evaluations[-1].routed


def peers(line: GossipLine) -> float:
    """Error of new clients that start from a peer's prior."""
    if line.newcomers is None:
        raise ValueError("nobody to judge by")
    return line.newcomers


def _beside(error: float, cycles: int) -> Figures:
    bare = pooled(cycles)
    return {"pooled": bare, "from a peer": error, BESIDE: 100 * (error / bare - 1)}


def server_row(outage: Literal["never", "from the start", "halfway"], quick: bool) -> Figures:
    """What new clients get from peers."""
    cycles = QUICK_CYCLES if quick else CYCLES
    begins_s = {"never": None, "from the start": 0.0, "halfway": cycles * CYCLE_S / 2}[outage]
    away = None if begins_s is None else Outage(begins_s, FOREVER_S)
    result = learn(cycles, rules(cycles), away)
    return _beside(peers(result.gossip[-1]), cycles)


def variant_row(
    exact: bool, hysteresis: Literal["default", "none", "only-if-better"], quick: bool
) -> Figures:
    """The same without a server, under other rules; beside the default rules."""
    cycles = QUICK_CYCLES if quick else CYCLES
    line = learn(cycles, rules(cycles, exact=exact, hysteresis=hysteresis), Outage()).gossip[-1]
    return {
        **_beside(peers(line), cycles),
        "default : this": alone(cycles) / peers(line),
        "mixed": float(line.mixed),
        "left out": float(line.left_out),
        "evicted pairs": float(line.evicted),
    }


@lru_cache(maxsize=4)
def alone(cycles: int) -> float:
    """From a peer, without a server, under the default rules."""
    return peers(learn(cycles, rules(cycles), Outage()).gossip[-1])


@lru_cache(maxsize=4)
def led(cycles: int) -> float:
    """From a peer, beside a server."""
    return peers(learn(cycles, rules(cycles)).gossip[-1])


def poisoned_row(attack: Attack, share: float, server: bool, quick: bool) -> Figures:
    """Colluding peers send other priors; their insights are honest."""
    cycles = QUICK_CYCLES if quick else POISONED_CYCLES
    gang = (WeightAttackers(attack, share),)
    away = None if server else Outage()
    line = learn(cycles, rules(cycles, attackers=gang), away).gossip[-1]
    clean = led(cycles) if server else alone(cycles)
    return {"from a peer": peers(line), CHANGE: 100 * (peers(line) / clean - 1)}


CHANGE = "change, %"
UNWATCHED = (
    "Beside a server colluders cost next to nothing. Without one only a receiver's own few rows "
    "judge a prior, and colluders pull the peers along: gossip bridges an outage among peers that "
    "are trusted."
)
PAIRS = (Target(PAIRWISE, 0.32), Target(PAIRWISE, 0.28, at_least=True))
NEAR = (Target(BESIDE, 1.5),)
POISON_GOALS: dict[Attack, float] = {"shift": 2.0, "alie": 6.0}
ATTACKS: tuple[Attack, ...] = ("sign-flip", "shift", "alie", "noise")

TABLE = Table(
    name="gossip",
    title="Gossip: with a server, without one, and poisoned",
    about=f"""
Rows `n = …`: expected variance between clients left after a cycle, mean of {MIXING_CYCLES} cycles,
{REPEATS} draws. For pairwise push-pull theory says 1/(2√e) = {THEORY:.3f} (Jelasity,
Montresor and Babaoglu 2005). What clients really do is the second column: groups of at most eight
that the planner draws anew each cycle, up to five peers at once.

All other rows: panel {PANEL}, {CYCLES} rounds or cycles, every client in each; squared error of new
clients. `pooled`: they start from the server's parameters, no gossip. `from a peer`: they start
from a peer's own prior, mean over 16 honest peers. While no server answers, peers step along their
own gradients and average priors and momenta. Poisoned rows: a share of the peers colludes,
{POISONED_CYCLES} cycles; the change is against the same run without them.
""",
    rows=(
        *(
            Row(
                f"n = {clients}",
                partial(mixing_row, clients),
                PAIRS,
                {PAIRWISE: THEORY},
                in_quick=True,
                explanation="Faster than the limit of many clients, which theory speaks of."
                if clients == min(SIZES)
                else "",
            )
            for clients in SIZES
        ),
        Row("server present", partial(server_row, "never"), NEAR),
        Row("no server from the start", partial(server_row, "from the start"), NEAR, None, True),
        Row("server dead halfway", partial(server_row, "halfway"), NEAR),
        Row(
            "no server, float32 for int8",
            partial(variant_row, True, "default"),
            (Target("default : this", 1.005),),
        ),
        Row("no server, no hysteresis", partial(variant_row, False, "none")),
        Row("no server, accept only if better", partial(variant_row, False, "only-if-better")),
        *(
            Row(
                f"{'server' if server else 'no server'}, {attack}, {100 * share:.0f} %",
                partial(poisoned_row, attack, share, server),
                (Target(CHANGE, POISON_GOALS[attack]),) if attack in POISON_GOALS else (),
                explanation="" if server else UNWATCHED,
            )
            for server in (True, False)
            for attack in ATTACKS
            for share in (0.2, 0.4)
        ),
    ),
)
