"""Marks clients whose slopes contradict their own losses, round after round.

A slope is the derivative of the very loss that the client reports, and the client reports that loss
under two versions whose difference everybody knows. So its slopes foretell, as far as eight of 128
directions can, by how much its own loss changed. An honest client's do, whatever its rows are and
whatever the others say: no consensus is asked, so an unusual client is no suspect, and a gang
cannot outvote anyone. Slopes that were turned round, or losses that were made up, foretell nothing
or the opposite.

Of each insight that can be checked, over the experts e:

    predicted_e = 128/m sum_j (s_ej / |s_e|) (q_j . dz_e) + (s_es / |s_e|) dsigma_e
    agreement   = sum_e predicted_e change_e / sqrt(sum_e predicted_e^2 sum_e change_e^2)
    influence   = mean_e min(1, |s_e| / cap_e)
    evidence    = max(0, evidence - influence * agreement)

and a client whose evidence reaches the domain's threshold is marked. An insight adds at most 1, so
a threshold of 6 takes at least six rounds. benchmarks/quarantine.py says what it finds and misses.
It is no defence against a client that makes up losses to fit its slopes.

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
from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.contribution import slope_norms
from scarcity.learning.directions import DIRECTION_COUNT, block_number, fwht, signs
from scarcity.learning.online_maml import Contribution, DomainState
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import contribution

Array = npt.NDArray[np.float64]

MOST_WATCHED: Final = 1024  # clients of a domain; those with the least evidence are let go
MOST_MARKED: Final = 1024  # then the check marks no more: so many liars are an operator's business
_STEP_SCALE: Final = 2.0**40  # fixed point of dz, so that the transform is exact


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
    checked = [
        (one, told)
        for one in heard
        for told in [contribution(one.insight, before.version)]
        if told.meta_version == before.version
        and told.slopes is not None
        and told.previous_losses is not None
    ]
    added = contradictions(domain, before, after.cap, [told for _, told in checked])
    evidence = dict(watch.evidence)
    suspects: list[Mark] = []
    for (one, _), more in zip(checked, added, strict=True):
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


def contradictions(
    domain: str, before: DomainState, cap: Array, told: Sequence[Contribution]
) -> list[float]:
    """By how much each insight speaks against its sender, -1 to 1; 0: it says nothing.

    Args:
        before: the version that the insights were measured on.
        cap: running median of slope norms; float64 [E], NaN where there is none.
        told: with slopes and previous losses, measured on ``before``.
    """
    if before.previous_z is None:
        return [0.0] * len(told)
    moved = before.z - before.previous_z
    fixed = np.rint(moved[:, :DIRECTION_COUNT] * _STEP_SCALE).astype(np.int64)
    along = fwht(fixed * signs(domain, before.version)).astype(np.float64)
    along = along / (_STEP_SCALE * np.sqrt(float(DIRECTION_COUNT)))
    return [_contradiction(one, along, moved[:, -1], cap) for one in told]


def _contradiction(told: Contribution, along: Array, by_sigma: Array, cap: Array) -> float:
    if told.slopes is None or told.previous_losses is None:
        return 0.0
    columns = told.slopes.shape[1] - 1
    first = columns * block_number(told.client_id, told.sequence, columns)
    slopes = told.slopes.astype(np.float64) / SLOPE_SCALE
    norms = slope_norms(told.slopes[None])[0]
    predicted = np.zeros(len(slopes))
    # Sums are written out: what numpy adds in which order depends on the machine.
    for column in range(columns):
        predicted = predicted + slopes[:, column] * along[:, first + column]
    predicted = predicted * float(DIRECTION_COUNT // columns) + slopes[:, -1] * by_sigma
    predicted = predicted / np.where(norms > 0, norms, 1.0)
    change = told.losses - told.previous_losses
    with np.errstate(invalid="ignore", divide="ignore"):
        pushes = np.where(cap > 0, np.minimum(1.0, norms / cap), 1.0)
    both = squares = changes = influence = 0.0
    heard = 0
    for p, c, push in zip(predicted.tolist(), change.tolist(), pushes.tolist(), strict=True):
        if c == c:  # NaN, where the client does not run the expert, differs from itself
            both, squares, changes = both + p * c, squares + p * p, changes + c * c
            influence, heard = influence + push, heard + 1
    size = float(np.sqrt(squares)) * float(np.sqrt(changes))
    return -(influence / heard) * (both / size) if size > 0 else 0.0
