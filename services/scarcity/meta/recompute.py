"""From a ledger entry's inputs to a version: one computation for the meta-learner and its audit.

Nothing here knows how the insights were come by. The meta-learner hands in what `global-memory`
kept of them, an audit what it read from the insights topics at the offsets that the ledger names;
both decode to the same events, hence to the same version, byte for byte.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import PartitionInputs
from scarcity.events.types import EXPERT_NAMES
from scarcity.learning.online_maml import (
    Contribution,
    DomainState,
    FamilyState,
    OnlineMAMLEngine,
    StepReport,
)
from scarcity.meta.pending import Heard

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Version:
    """A version with the states that the next one starts from; ``report`` is None for version 0."""

    domain: DomainState
    family: FamilyState
    report: StepReport | None = None

    @property
    def result_hash(self) -> str:
        """Hex SHA-256 of z as little-endian float64 [experts, 129]."""
        return hashlib.sha256(self.domain.z.astype("<f8").tobytes()).hexdigest()


def first_version(
    engine: OnlineMAMLEngine,
    domain: str,
    family: str,
    inputs: int,
    families: Mapping[str, FamilyState],
) -> Version:
    """Version 0 of a domain.

    Args:
        family: the domain's; it is started when ``families`` lacks it.
        inputs: number of feature columns.
        families: all families' states at this point of the ledger.
    """
    own = families.get(family) or engine.start_family(inputs)
    others = {name: state for name, state in families.items() if name != family}
    return Version(engine.start(domain, own, others), own)


def next_version(
    engine: OnlineMAMLEngine,
    domain: str,
    state: DomainState,
    family: FamilyState,
    insights: Iterable[Insight],
) -> Version:
    """Make the version after ``state``.

    Args:
        state, family: as the ledger entries before left them.
        insights: at least one; their order does not matter.

    Raises:
        ValueError: there are no insights.
    """
    told = contributions(insights, state.version)
    return Version(*engine.update(domain, state, family, told))


def carried_on(state: DomainState, version: int) -> DomainState:
    """The same parameters as a later version: nothing was learned, and nothing can be taken back.

    Of a repair, and of a round that hears nobody.
    """
    return replace(
        state, version=version, previous_z=state.z, family_step=np.zeros_like(state.family_step)
    )


def inputs_of(
    heard: Sequence[Heard], canonical: Sequence[bytes] = ()
) -> tuple[list[PartitionInputs], str]:
    """Where a version's insights lie, and their hash.

    Args:
        canonical: of each insight, when the caller has them already.

    The hash is SHA-256 over, in the order of (partition, offset), the canonical JSON of each
    decoded insight (events/codec.py) and a line feed after each. Unknown fields and white space of
    the original do not count: they move nothing.

    Returns:
        The inputs by partition, and the hash in hex.
    """
    digest = hashlib.sha256()
    offsets: dict[int, list[int]] = defaultdict(list)
    told = canonical or [canonical_insight(one.insight) for one in heard]
    both = sorted(zip(heard, told, strict=True), key=lambda b: (b[0].partition, b[0].offset))
    for one, raw in both:
        offsets[one.partition].append(one.offset)
        digest.update(raw + b"\n")
    return [PartitionInputs.of(p, offsets[p]) for p in sorted(offsets)], digest.hexdigest()


def canonical_insight(insight: Insight) -> bytes:
    """As :func:`canonical_json`, in a third of the time: an audit spends most of its time here.

    What is left out when it is None is told by identity, which holds for None; the version alone
    is compared.
    """
    plain = msgspec.to_builtins(insight)
    if plain.get("schema_version") == SCHEMA_VERSION:
        del plain["schema_version"]
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def contribution(insight: Insight, version: int) -> Contribution:
    """One admitted insight as the engine takes it; see :func:`contributions`."""
    return contributions([insight], version)[0]


def contributions(insights: Iterable[Insight], version: int) -> list[Contribution]:
    """Admitted insights as the engine takes them.

    Slopes without a sequence or meta-version are left out: their directions are unknown. An
    insight without meta-version counts as one on ``version``, the domain's current.
    """
    listed = list(insights)
    experts = [[one.expert_insights.get(name) for name in EXPERT_NAMES] for one in listed]
    losses = _floats([[None if e is None else e.loss for e in own] for own in experts])
    before = [[None if e is None else e.previous_loss for e in own] for own in experts]
    previous = _floats(before)
    slopes = _slopes(listed, experts)
    return [
        Contribution(
            client_id=one.client_id,
            sequence=one.sequence or 0,
            meta_version=version if one.meta_version is None else one.meta_version,
            losses=losses[n],
            samples=one.total_samples,
            previous_losses=None if before[n].count(None) == len(before[n]) else previous[n],
            slopes=slopes.get(n),
            candidate_losses=_candidates(experts[n]),
        )
        for n, one in enumerate(listed)
    ]


def _floats(values: Sequence[Sequence[float | None]]) -> Array:
    # A float array takes None as NaN.
    return np.array(values, dtype=np.float64)


def _slopes(
    insights: Sequence[Insight], experts: Sequence[Sequence[ExpertInsight | None]]
) -> dict[int, npt.NDArray[np.int64]]:
    """Slopes by the insight's place. Those of one length are made together: it is faster."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for n, (one, own) in enumerate(zip(insights, experts, strict=True)):
        told = next((e.slopes for e in own if e is not None and e.slopes is not None), None)
        if told is not None and one.sequence is not None and one.meta_version is not None:
            by_length[len(told)].append(n)
    found: dict[int, npt.NDArray[np.int64]] = {}
    for length, places in by_length.items():
        flat = [0] * length
        rows = [
            [flat if e is None or e.slopes is None else e.slopes for e in experts[n]]
            for n in places
        ]
        found |= zip(places, np.array(rows, dtype=np.int64), strict=True)
    return found


def _candidates(experts: Sequence[ExpertInsight | None]) -> dict[str, Array] | None:
    if not any(e is not None and e.candidate_losses for e in experts):
        return None
    told = [(e.candidate_losses or {}) if e is not None else {} for e in experts]
    names = sorted({name for losses in told for name in losses})
    return {name: _floats([[losses.get(name) for losses in told]])[0] for name in names}
