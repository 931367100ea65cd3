"""States of the meta-learner at one point of the ledger, so that an audit may begin there."""

import hashlib
from collections.abc import Iterable

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.meta_state import MetaState


class Checkpoint(msgspec.Struct, omit_defaults=True):
    """Topic `checkpoints`, key `<ledger_length>/<key of the state>`, msgpack.

    A record a domain and a family, all of one transaction with the entry that they stand behind;
    that entry holds their hash (:func:`states_hash`).

    Attributes:
        ledger_length: entries of the ledger up to and with that one.
        count: states of this checkpoint.
        state: what a replay makes again: the optimiser's tensors and scalars, and the evidence.
    """

    ledger_length: int
    count: int
    state: MetaState
    schema_version: str = SCHEMA_VERSION


def states_hash(states: Iterable[MetaState]) -> str:
    """Hex SHA-256 of states, in the order of their keys.

    Of each: key, family, version, then tensors by name (name, dtype, shape, bytes), scalars by name
    (hexadecimal floats) and evidence by client. What only the writer knows does not count.
    """
    digest = hashlib.sha256()
    for state in sorted(states, key=lambda s: s.key):
        _add(digest, state.key, state.family, state.version)
        for name, tensor in sorted(state.tensors.items()):
            _add(digest, name, tensor.dtype, *tensor.shape)
            digest.update(tensor.data)
        for name, number in sorted(state.scalars.items()):
            _add(digest, name, number.hex())
        for client, evidence in sorted(state.evidence.items()):
            _add(digest, client, evidence.hex())
        digest.update(b"\n")
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", *values: object) -> None:
    # Lengths first: no two lists of values give the same bytes.
    for value in values:
        raw = str(value).encode()
        digest.update(f"{len(raw)}:".encode() + raw)
