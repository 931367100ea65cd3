"""From a ledger entry's inputs to a version: one computation for the meta-learner and its audit.

Nothing here knows how the insights were come by. The meta-learner hands in what `global-memory`
kept of them, an audit what it read from the insights topics at the offsets that the ledger names;
both decode to the same events, hence to the same version, byte for byte.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from scarcity.events.codec import canonical_json
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
    contributions = [contribution(insight, state.version) for insight in insights]
    return Version(*engine.update(domain, state, family, contributions))


def carried_on(state: DomainState, version: int) -> DomainState:
    """The same parameters as a later version: nothing was learned, and nothing can be taken back.

    Of a repair, and of a round that hears nobody.
    """
    return replace(
        state, version=version, previous_z=state.z, family_step=np.zeros_like(state.family_step)
    )


def inputs_of(heard: Sequence[Heard]) -> tuple[list[PartitionInputs], str]:
    """Where a version's insights lie, and their hash.

    The hash is SHA-256 over, in the order of (partition, offset), the canonical JSON of each
    decoded insight (events/codec.py) and a line feed after each. Unknown fields and white space of
    the original do not count: they move nothing.

    Returns:
        The inputs by partition, and the hash in hex.
    """
    digest = hashlib.sha256()
    offsets: dict[int, list[int]] = defaultdict(list)
    for one in sorted(heard, key=lambda h: (h.partition, h.offset)):
        offsets[one.partition].append(one.offset)
        digest.update(canonical_json(one.insight) + b"\n")
    return [PartitionInputs.of(p, offsets[p]) for p in sorted(offsets)], digest.hexdigest()


def contribution(insight: Insight, version: int) -> Contribution:
    """An admitted insight as the engine takes it.

    Slopes without a sequence or meta-version are left out: their directions are unknown. An
    insight without meta-version counts as one on ``version``, the domain's current.
    """
    experts = [insight.expert_insights.get(name) for name in EXPERT_NAMES]
    placed = insight.sequence is not None and insight.meta_version is not None
    return Contribution(
        client_id=insight.client_id,
        sequence=insight.sequence or 0,
        meta_version=version if insight.meta_version is None else insight.meta_version,
        losses=_floats([None if e is None else e.loss for e in experts]),
        samples=insight.total_samples,
        previous_losses=_floats_or_none([None if e is None else e.previous_loss for e in experts]),
        slopes=_slopes(experts) if placed else None,
        candidate_losses=_candidates(experts),
    )


def _floats(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values])


def _floats_or_none(values: Sequence[float | None]) -> Array | None:
    return None if all(value is None for value in values) else _floats(values)


def _slopes(experts: Sequence[ExpertInsight | None]) -> npt.NDArray[np.int64] | None:
    told = [None if e is None else e.slopes for e in experts]
    length = next((len(slopes) for slopes in told if slopes is not None), None)
    if length is None:
        return None
    flat = [0] * length
    return np.array([flat if slopes is None else slopes for slopes in told], dtype=np.int64)


def _candidates(experts: Sequence[ExpertInsight | None]) -> dict[str, Array] | None:
    if not any(e is not None and e.candidate_losses for e in experts):
        return None
    told = [(e.candidate_losses or {}) if e is not None else {} for e in experts]
    names = sorted({name for losses in told for name in losses})
    return {name: _floats([losses.get(name) for losses in told]) for name in names}
