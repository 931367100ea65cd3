"""Marks clients whose slopes contradict their own losses, round after round.

An honest client's slopes foretell how its own losses change (learning/agreement.py), whatever its
rows are and whatever the others say: no consensus is asked, so an unusual client is no suspect, and
a gang cannot outvote anyone. Of each insight that can be checked:

    influence = mean over experts of min(1, norm of its slopes / cap)
    evidence  = max(0, evidence - influence * agreement)

and a client whose evidence reaches the domain's threshold is marked. An insight adds at most 1, so
a threshold of 6 takes at least six rounds.

The engine's trust (learning/doubt.py) forgets by itself and counts a client in full again. A mark
is the slow and sure of the two: it needs more evidence, it is told in the ledger, it holds until an
operator lifts it, and it says whom a repair should take out. benchmarks/quarantine.py says whom it
finds and whom it misses. It is no defence against a client that makes up losses to fit its slopes.

Source: Page (1954), "Continuous inspection schemes", Biometrika 41, 100-115 (the running sum that
stays above zero); the statistic is ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from scarcity.events.dp_rules import DpRound
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.standing import Mark
from scarcity.learning.agreement import agreements
from scarcity.learning.contribution import slope_norms
from scarcity.learning.online_maml import Contribution, DomainState
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import contributions

Array = npt.NDArray[np.float64]

MOST_WATCHED: Final = 1024  # clients of a domain; those with the least evidence are let go
MOST_MARKED: Final = 1024  # then the check marks no more: so many liars are an operator's business


@dataclass(frozen=True)
class Watch:
    """What is remembered of a domain's clients.

    Attributes:
        evidence: above 0, by client; at most MOST_WATCHED.
        marks: of clients that do not count.
    """

    evidence: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def marking(self, marks: Sequence[Mark]) -> "Watch":
        """With these clients marked; nothing else is remembered of them."""
        named = {mark.client_id: mark for mark in marks}
        evidence = {c: e for c, e in self.evidence.items() if c not in named}
        return Watch(evidence, {**self.marks, **named})

    def lifting(self, clients: Sequence[str]) -> "Watch":
        """With these clients counting again, as if nothing had been."""
        kept = {c: mark for c, mark in self.marks.items() if c not in clients}
        return Watch({c: e for c, e in self.evidence.items() if c not in clients}, kept)


def watched_from(policy: RoundPolicy, dp: DpRound | None) -> float:
    """Evidence at which a round marks a client; 0: it does not look.

    Slopes and losses with noise foretell nothing: where clients add it, everyone would be suspect.
    """
    return policy.quarantine if dp is None else 0.0


def watch_round(
    watch: Watch,
    domain: str,
    before: DomainState,
    after: DomainState,
    heard: Sequence[Heard],
    threshold: float,
) -> tuple[Watch, tuple[Mark, ...]]:
    """Take a round's insights in.

    Args:
        before: the version that the round's fresh insights were measured on.
        after: the version made of them.
        heard: the round's insights; their order does not matter.
        threshold: evidence at which a client is marked; 0: nothing is watched.

    Returns:
        The new watch, with the marks in it, and the new marks, the most evidence first.
    """
    if not threshold:
        return watch, ()
    told = contributions((one.insight for one in heard), before.version)
    step = None if before.previous_z is None else before.z - before.previous_z
    found = {} if step is None else agreements(domain, before.version, step, told)
    checked = [heard[place] for place in found]
    pushes = influences(after.cap, [told[place] for place in found])
    added = [-push * one for push, one in zip(pushes, found.values(), strict=True)]
    evidence = dict(watch.evidence)
    suspects: list[Mark] = []
    for one, more in zip(checked, added, strict=True):
        client = one.insight.client_id
        total = max(0.0, evidence.pop(client, 0.0) + more)
        if total:
            evidence[client] = total
        if total >= threshold:
            suspects.append(Mark(client, "check", one.partition, one.offset, total))
    suspects.sort(key=lambda mark: (-mark.evidence, mark.client_id))
    marks = tuple(suspects[: max(0, MOST_MARKED - len(watch.marks))])
    marked = Watch(evidence, watch.marks).marking(marks)
    strongest = sorted(marked.evidence.items(), key=lambda item: (-item[1], item[0]))
    return Watch(dict(strongest[:MOST_WATCHED]), marked.marks), marks


def influences(cap: Array, told: Sequence[Contribution]) -> list[float]:
    """How hard each insight pushes: the mean over experts of the share of the cap it uses, 0 to 1.

    Args:
        cap: running median of slope norms; float64 [E], NaN where there is none.
        told: with slopes.
    """
    pushes = []
    for one in told:
        norms = slope_norms(one.slopes[None])[0] if one.slopes is not None else np.zeros_like(cap)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(cap > 0, np.minimum(1.0, norms / cap), 1.0)
        total = 0.0
        for share in shares.tolist():  # one by one: numpy's own order of adding may change
            total += share
        pushes.append(total / len(shares))
    return pushes
