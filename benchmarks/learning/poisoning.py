"""Colluding clients: what each attack does without a defence, with published ones and with ours."""

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import NamedTuple

from benchmarks.learning.robust_rules import UNDEFENDED, CentredClipping, TrimmedMean
from benchmarks.tables import Figure, Figures, Row, Spread, Table, Target
from scarcity.learning.online_maml import LearningSettings, OnlineMAMLEngine
from scarcity.simulation.result import EvaluationLine
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import Attackers, DomainScenario, Evaluate, Panel, Scenario

PANELS = ("economic", "medical", "technology")
SPLITS = (10, 11, 12)
ROUNDS, QUICK_ROUNDS, SLEEP = 200, 60, 150
SHARES = (0.2, 0.4)


class Gang(NamedTuple):
    """An attack as the table runs it: the scenario's name of it, and how."""

    attack: str
    strength: float = 1.0
    sleeps: bool = False


GANGS: Mapping[str, Gang] = {
    "at the clip": Gang("against-honest-at-clip"),
    "at honest size": Gang("against-honest-at-size"),
    "at 3 honest sizes": Gang("against-honest-at-size", 3.0),
    "fixed direction": Gang("fixed-direction"),
    "ALIE": Gang("alie", 1.5),
    "sleepers": Gang("against-honest-at-clip", 1.0, sleeps=True),
    "liars about loss": Gang("loss-liar"),
    "bait for routing": Gang("routing-bait"),
    "inflated counts": Gang("inflated-samples"),
    "many ids": Gang("many-ids"),
}
# It knows how trust works. No target: it is reported beside those that the goals name.
ADAPTIVE = Gang("consistent-liar")

CAP = LearningSettings(trust=False, gate=False)
GATE = LearningSettings(trust=False)
DEFAULT = LearningSettings()
COMPARED = ("at the clip", "fixed direction", "ALIE")

BROKEN = 10.0  # per cent: less than this undefended, and an attack is too weak to count
WORST, BESIDE_OWN = "worst", "worst beside own start"


def evaluate(
    panel: str, split: int, rounds: int, engine: OnlineMAMLEngine, gang: Gang | None, share: float
) -> EvaluationLine:
    """New clients at the end of a run."""
    attackers: tuple[Attackers, ...] = ()
    if gang is not None:
        after = min(SLEEP, rounds // 2) if gang.sleeps else 0
        attackers = (Attackers(gang.attack, share, after, gang.strength),)  # type: ignore[arg-type]
    scenario = Scenario(
        name=panel,
        domains=(DomainScenario(name=panel, data=Panel(panel, split), attackers=attackers),),
        versions=rounds,
        evaluate=Evaluate(every_versions=rounds, splits=5),
    )
    return run(scenario, engine=engine).evaluations[-1]


@lru_cache(maxsize=64)
def clean(panel: str, split: int, rounds: int) -> float:
    """Error without attackers and without defence."""
    engine = OnlineMAMLEngine(UNDEFENDED)
    return evaluate(panel, split, rounds, engine, None, 0.0).domain_routed


def per_cent(error: float, of: float) -> float:
    """By how much an error exceeds another, in per cent."""
    return 100 * (error / of - 1)


def calm_row(panel: str, quick: bool) -> Figures:
    """What the defence costs when nobody attacks."""
    splits, rounds = (SPLITS[:1], QUICK_ROUNDS) if quick else (SPLITS, ROUNDS)
    lines = [evaluate(panel, s, rounds, OnlineMAMLEngine(DEFAULT), None, 0.0) for s in splits]
    bare = [clean(panel, split, rounds) for split in splits]
    return {
        "undefended": Spread.of(bare),
        "defended": Spread.of([line.routed for line in lines]),
        "own start": Spread.of([line.own_start for line in lines]),
        "own ridge in hindsight": Spread.of([line.own_ridge for line in lines]),
        "change, %": Spread.of([per_cent(x.routed, b) for x, b in zip(lines, bare, strict=True)]),
    }


def attacked_row(panel: str, share: float, quick: bool) -> Figures:
    """Every attack, undefended and defended."""
    rounds, split = (QUICK_ROUNDS if quick else ROUNDS), SPLITS[0]
    names = list(GANGS)[:2] if quick else list(GANGS)
    bare, figures = clean(panel, split, rounds), dict[str, Figure]()
    defended: dict[str, float] = {}
    beside: list[float] = []
    weak: list[str] = []
    for name, gang in [*((n, GANGS[n]) for n in names), ("consistent liars", ADAPTIVE)]:
        ruined, line = (
            evaluate(panel, split, rounds, OnlineMAMLEngine(rules), gang, share)
            for rules in (UNDEFENDED, DEFAULT)
        )
        harm, left = per_cent(ruined.domain_routed, bare), per_cent(line.routed, bare)
        figures[name] = f"{harm:+.0f} → {left:+.1f}"
        beside.append(line.routed / line.own_start)
        if name in GANGS:
            defended[name] = left
        if harm < BROKEN:
            weak.append(name)
    worst = max(defended, key=lambda name: defended[name])
    return {
        **figures,
        WORST: defended[worst],
        "worst attack": worst,
        BESIDE_OWN: max(beside),
        "too weak to count": ", ".join(weak) or "none",
    }


def compared_row(panel: str, name: str, share: float, quick: bool) -> Figures:
    """One attack under every defence; errors of the domain's start alone, in per cent."""
    rounds, split = (QUICK_ROUNDS if quick else ROUNDS), SPLITS[0]
    engines = {
        "none": OnlineMAMLEngine(UNDEFENDED),
        "cap": OnlineMAMLEngine(CAP),
        "cap and gate": OnlineMAMLEngine(GATE),
        "trimmed mean": TrimmedMean(share),
        "centred clipping": CentredClipping(),
        "default": OnlineMAMLEngine(DEFAULT),
    }
    bare = clean(panel, split, rounds)
    return {
        defence: per_cent(
            evaluate(panel, split, rounds, engine, GANGS[name], share).domain_routed, bare
        )
        for defence, engine in engines.items()
    }


def told(share: float) -> str:
    """A share as row names have it.

    >>> told(0.2)
    '20 %'
    """
    return f"{100 * share:.0f} %"


GOALS = {0.2: 15.0, 0.4: 40.0}
NEAR_OWN = (
    "What is learned here is worth little beside the own rows, so a client whose three to six rows "
    "mislead it about the domain loses a few per cent at times."
)

TABLE = Table(
    name="poisoning",
    title="Poisoned insights",
    about=f"""
A share of a panel's clients colludes; {ROUNDS} rounds of 32 clients; new clients, that never take
part, are judged as in the table of panels. Nothing was tuned on these deals of the entities:
{SPLITS}, with attackers the first alone. Figures are the excess error over the run without
attackers and without defence, in per cent, lower is better: `undefended → defended`. Undefended
means the mean of all slopes and clients that believe their domain; defended is the default, as
clients predict. Sleepers turn after {SLEEP} rounds. `worst` is of the ten attacks. The `consistent
liars` know how trust works and make up losses that fit their slopes: they are beyond the goals and
shown beside them. `worst beside own start` is the largest ratio, of all eleven, to what new clients
reach from the default start by their own rows alone. An attack that leaves an undefended run within
{BROKEN:.0f} % is too weak to count; the row names it. Counts are too weak by design: a client's
slopes weigh the same however many rows it claims.

In the rows of one attack the figures are of the domain's start alone, also for the default: trimmed
mean (Yin et al. 2018, told the share of attackers) and centred clipping (Karimireddy et al. 2021)
take the place of cap, gate and trust.
""",
    rows=(
        *(
            Row(
                f"{panel} · nobody attacks",
                partial(calm_row, panel),
                (Target("change, %", 2.0),),
            )
            for panel in PANELS
        ),
        *(
            Row(
                f"{panel} · {told(share)}",
                partial(attacked_row, panel, share),
                (Target(WORST, GOALS[share]), Target(BESIDE_OWN, 1.0)),
                in_quick=panel == "economic",
                explanation="" if panel == "economic" else NEAR_OWN,
            )
            for panel in PANELS
            for share in SHARES
        ),
        *(
            Row(
                f"economic · {name} · {told(share)}",
                partial(compared_row, "economic", name, share),
                (Target("default", GOALS[share]),),
                in_quick=name == COMPARED[0] and share == SHARES[0],
            )
            for name in COMPARED
            for share in SHARES
        ),
    ),
)
