"""The optimiser's states as `meta-state` events, and back, bit for bit.

What a replay makes again (the optimiser's figures and the check's evidence) is `learned`; that is
also what a checkpoint holds. Beside it a domain's event holds what only the writer knows: when the
version was written (for the phase timings), the scaling that was estimated (so that it is estimated
once), who is marked, which rulings were heeded, and who left.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from scarcity.events.dp_rules import DpRules
from scarcity.events.errors import EventError, Reason
from scarcity.events.meta_state import MetaState
from scarcity.events.tensor import TensorPayload
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.learning.tensors import from_payload, to_payload
from scarcity.meta.quarantine import Watch

WRITER_KEY = "*"
_WRITTEN_AT = "written_at_ms"
_SCALING = "scaling."
NOT_RULED = (-1, 0)


class KeptDomain(NamedTuple):
    """What `meta-state` keeps of a domain.

    Attributes:
        used: per insights partition, the highest offset that a version has used.
        scaling: estimated (centre, scale) by column; empty when the profile declares them.
        written_at_ms: when this version was written.
        watch: evidence and marks.
        ruled: offset and time of the last ruling that an entry tells.
        departed: clients that left while an insight of theirs was pending.
        dp, noise_key: rules of privacy mode `dp`, and the secret of central noise.
    """

    family: str
    state: DomainState
    used: dict[int, int]
    scaling: dict[str, tuple[float, float]]
    written_at_ms: int
    watch: Watch = Watch()
    ruled: tuple[int, int] = NOT_RULED
    departed: tuple[str, ...] = ()
    dp: DpRules | None = None
    noise_key: bytes = b""


def family_key(family: str) -> str:
    """Key of a family's state.

    >>> family_key("shops")
    '*shops'
    """
    return WRITER_KEY + family


def learned_domain(domain: str, family: str, state: DomainState, watch: Watch) -> MetaState:
    """What a replay makes again of a domain."""
    tensors, scalars = state.to_tensors()
    return MetaState(
        key=domain,
        version=state.version,
        family=family,
        tensors={name: to_payload(array) for name, array in tensors.items()},
        scalars=scalars,
        evidence=dict(watch.evidence),
    )


def encode_domain(domain: str, kept: KeptDomain, ledger_hash: str) -> MetaState:
    """The event of a domain's state."""
    learned = learned_domain(domain, kept.family, kept.state, kept.watch)
    pairs = {_SCALING + c: to_payload(np.array(pair)) for c, pair in kept.scaling.items()}
    return msgspec.structs.replace(
        learned,
        tensors=learned.tensors | pairs,
        scalars=learned.scalars | {_WRITTEN_AT: float(kept.written_at_ms)},
        used=kept.used,
        ledger_hash=ledger_hash,
        marks=[mark for _, mark in sorted(kept.watch.marks.items())],
        ruled=kept.ruled,
        departed=sorted(kept.departed),
        dp=kept.dp,
        noise_key=kept.noise_key,
    )


def decode_domain(event: MetaState) -> KeptDomain:
    """A domain's state from its event.

    Raises:
        EventError: a figure is missing.
    """
    scaling = {
        name.removeprefix(_SCALING): payload
        for name, payload in event.tensors.items()
        if name.startswith(_SCALING)
    }
    try:
        written_at_ms = int(event.scalars[_WRITTEN_AT])
    except KeyError as error:
        raise _incomplete(event, error) from None
    return KeptDomain(
        event.family,
        decode_learned(event),
        event.used,
        {column: _pair(payload) for column, payload in scaling.items()},
        written_at_ms,
        Watch(event.evidence, {mark.client_id: mark for mark in event.marks}),
        event.ruled,
        tuple(event.departed),
        event.dp,
        event.noise_key,
    )


def decode_learned(event: MetaState) -> DomainState:
    """A domain's optimiser from its event or its checkpoint.

    Raises:
        EventError: a figure is missing.
    """
    own = {name: t for name, t in event.tensors.items() if not name.startswith(_SCALING)}
    try:
        return DomainState.from_tensors(_arrays(own), event.scalars)
    except KeyError as error:
        raise _incomplete(event, error) from None


def encode_family(family: str, state: FamilyState) -> MetaState:
    """The event of a family's state."""
    tensors, scalars = state.to_tensors()
    payloads = {name: to_payload(array) for name, array in tensors.items()}
    return MetaState(key=family_key(family), family=family, tensors=payloads, scalars=scalars)


def decode_family(event: MetaState) -> FamilyState:
    """A family's state from its event.

    Raises:
        EventError: a figure is missing.
    """
    try:
        return FamilyState.from_tensors(_arrays(event.tensors), event.scalars)
    except KeyError as error:
        raise _incomplete(event, error) from None


def _arrays(tensors: Mapping[str, TensorPayload]) -> dict[str, np.ndarray[tuple[int, ...]]]:
    return {name: from_payload(payload) for name, payload in tensors.items()}


def _pair(payload: TensorPayload) -> tuple[float, float]:
    center, scale = np.asarray(from_payload(payload), dtype=np.float64).tolist()
    return center, scale


def _incomplete(event: MetaState, error: KeyError) -> EventError:
    return EventError(Reason.MALFORMED, f"meta-state of {event.key!r} lacks {error.args[0]!r}")
