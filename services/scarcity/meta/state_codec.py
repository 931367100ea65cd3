"""The optimiser's states as `meta-state` events, and back, bit for bit.

Beside the optimiser's own figures a domain's event holds when its version was written (for the
phase timings) and the scaling that was estimated for it (so that it is estimated once).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scarcity.events.errors import EventError, Reason
from scarcity.events.meta_state import MetaState
from scarcity.events.tensor import TensorPayload
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.learning.tensors import from_payload, to_payload

WRITER_KEY = "*"
_WRITTEN_AT = "written_at_ms"
_SCALING = "scaling."


class KeptDomain(NamedTuple):
    """What `meta-state` keeps of a domain.

    Attributes:
        used: per insights partition, the highest offset that a version has used.
        scaling: estimated (centre, scale) by column; empty when the profile declares them.
        written_at_ms: when this version was written.
    """

    family: str
    state: DomainState
    used: dict[int, int]
    scaling: dict[str, tuple[float, float]]
    written_at_ms: int


def family_key(family: str) -> str:
    """Key of a family's state.

    >>> family_key("shops")
    '*shops'
    """
    return WRITER_KEY + family


def encode_domain(domain: str, kept: KeptDomain, ledger_hash: str) -> MetaState:
    """The event of a domain's state."""
    tensors, scalars = kept.state.to_tensors()
    payloads = {name: to_payload(array) for name, array in tensors.items()}
    for column, pair in kept.scaling.items():
        payloads[_SCALING + column] = to_payload(np.array(pair))
    return MetaState(
        key=domain,
        version=kept.state.version,
        family=kept.family,
        tensors=payloads,
        scalars={**scalars, _WRITTEN_AT: float(kept.written_at_ms)},
        used=kept.used,
        ledger_hash=ledger_hash,
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
    own = {name: t for name, t in event.tensors.items() if not name.startswith(_SCALING)}
    try:
        state = DomainState.from_tensors(_arrays(own), event.scalars)
        written_at_ms = int(event.scalars[_WRITTEN_AT])
    except KeyError as error:
        raise _incomplete(event, error) from None
    pairs = {column: _pair(payload) for column, payload in scaling.items()}
    return KeptDomain(event.family, state, event.used, pairs, written_at_ms)


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
