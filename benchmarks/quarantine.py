"""Whom the quarantine marks: clean panels, and panels with a gang of a fifth of the clients.

    python -m benchmarks.quarantine [--rows 'clean*']

Each panel of real institutions runs for 400 versions through the simulation's cores, 32 insights a
version, with `quarantine: 6` in its round policy (meta/quarantine.py). Two splits of the entities
(1 and 2): on split 0 the threshold was chosen. Marked are counted over both splits; versions are
means over the splits, of the first mark of a gang's member, and of when half of the gang was
marked (`–`: it never was). The engine's trust (learning/doubt.py) is on, as it is by default.
"""

from collections.abc import Callable, Sequence

import msgspec

from benchmarks.tables import Figure, Figures, Row, Table, Target, main
from scarcity.simulation.chance import generator
from scarcity.simulation.populations import default_policy, populate
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import Attackers, DomainScenario, Evaluate, Panel, Scenario

THRESHOLD = 6.0
SHARE = 0.2
SPLITS = (1, 2)
NEVER = 10**9


def marks(panel: str, split: int, attack: str, versions: int) -> tuple[list[int], list[int], int]:
    """Versions at which the gang's members and honest clients were marked, and honest clients."""
    gang = (msgspec.convert({"attack": attack, "share": SHARE}, Attackers),) if attack else ()
    domain = DomainScenario(panel, Panel(panel, split), attackers=gang)
    scenario = Scenario(panel, (domain,), versions=versions, evaluate=Evaluate(10**6))
    names = list(populate(scenario, domain).training)
    policy = msgspec.structs.replace(default_policy(domain, len(names)), quarantine=THRESHOLD)
    domain = msgspec.structs.replace(domain, policy=policy)
    scenario = msgspec.structs.replace(scenario, domains=(domain,))
    order = generator(scenario.seed, panel, "attackers").permutation(len(names))
    members = {names[i] for i in order[: round(SHARE * len(names))]} if attack else set()
    result = run(scenario)
    if result.domains[0].attackers != len(members):
        raise RuntimeError(f"{panel}: {result.domains[0].attackers} attackers, not {len(members)}")
    marked = {m.client_id: e.version for e in result.entries() for m in e.marks}
    found = sorted(marked.get(name, NEVER) for name in members)
    wrong = sorted(version for name, version in marked.items() if name not in members)
    return found, wrong, len(names) - len(members)


def measured(panels: Sequence[str], attack: str = "") -> Callable[[bool], Figures]:
    """Marks over panels and splits."""

    def figures(quick: bool) -> Figures:
        versions, splits = (60, SPLITS[:1]) if quick else (400, SPLITS)
        ways = [marks(p, split, attack, versions) for p in panels for split in splits]
        honest, wrong = sum(n for _, _, n in ways), sum(len(w) for _, w, _ in ways)
        told: dict[str, Figure] = {
            "honest": float(honest),
            "honest marked": float(wrong),
            "honest marked, %": 100 * wrong / honest,
        }
        if attack:
            members = [version for found, _, _ in ways for version in found]
            caught = sum(version < NEVER for version in members)
            told["gang"] = float(len(members))
            told["gang marked"] = float(caught)
            told["gang marked, %"] = 100 * caught / len(members)
            told["first at"] = _mean([found[0] for found, _, _ in ways])
            told["half at"] = _mean([found[(len(found) - 1) // 2] for found, _, _ in ways])
        return told

    return figures


def _mean(versions: Sequence[int]) -> Figure:
    return "–" if max(versions) == NEVER else sum(versions) / len(versions)


PANELS = ("economic", "technology", "medical", "crime")
ATTACKED = ("economic", "crime")
NO_MARKS = (Target("honest marked, %", 0.5),)

TABLE = Table(
    "quarantine",
    "Quarantine: whom the check marks",
    __doc__.partition("\n\n")[2].partition("\n\n")[2],
    (
        *(
            Row(f"clean {panel}", measured((panel,)), targets=NO_MARKS, in_quick=panel == "crime")
            for panel in PANELS
        ),
        *(
            Row(
                f"{attack}: {', '.join(ATTACKED)}",
                measured(ATTACKED, attack),
                targets=NO_MARKS,
                explanation=explanation,
            )
            for attack, explanation in (
                (
                    "against-honest-at-clip",
                    "Two of 240, while the gang turns the steps against what honest clients say.",
                ),
                ("against-honest-at-size", ""),
                ("alie", ""),
                (
                    "fixed-direction",
                    "Slopes that have nothing to do with the losses foretell nothing: their "
                    "agreement is 0 on average, and the evidence only wanders.",
                ),
                ("loss-liar", ""),
            )
        ),
    ),
)

if __name__ == "__main__":
    main("benchmarks.quarantine", [TABLE])
