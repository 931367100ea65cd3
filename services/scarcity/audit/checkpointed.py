"""Checkpoints as an audit finds them: whole ones, by the hash that the ledger tells."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scarcity.events.checkpoint import Checkpoint, states_hash
from scarcity.events.codec import decode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.meta_state import MetaState
from scarcity.events.types import Record
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.meta.state_codec import WRITER_KEY, decode_family, decode_learned


@dataclass(frozen=True)
class States:
    """What a checkpoint holds.

    Attributes:
        digests: hex, by key of the state.
        domains: family, state and evidence by domain.
    """

    digests: Mapping[str, str]
    domains: Mapping[str, tuple[str, DomainState, Mapping[str, float]]]
    families: Mapping[str, FamilyState]

    @classmethod
    def of(cls, states: Iterable[MetaState]) -> "States":
        """Decode the states.

        Raises:
            EventError: one is not complete.
        """
        listed = list(states)
        families = {s.family: decode_family(s) for s in listed if s.key.startswith(WRITER_KEY)}
        domains = {
            s.key: (s.family, decode_learned(s), s.evidence)
            for s in listed
            if not s.key.startswith(WRITER_KEY)
        }
        return cls({s.key: states_hash([s]) for s in listed}, domains, families)


class CheckpointIndex:
    """Checkpoints by their hash. One that is not whole, or that does not decode, is not there."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        found: dict[int, dict[str, Checkpoint]] = defaultdict(dict)
        for record in records:
            try:
                part = decode_msgpack(record.value, Checkpoint)
            except EventError:
                continue
            found[part.ledger_length][part.state.key] = part
        self._states: dict[str, list[MetaState]] = {}
        for parts in found.values():
            if len(parts) == next(iter(parts.values())).count:
                states = [part.state for part in parts.values()]
                self._states[states_hash(states)] = states

    def __contains__(self, told: str) -> bool:
        return told in self._states

    def find(self, told: str) -> States | None:
        """The states that have this hash."""
        states = self._states.get(told)
        try:
            return None if states is None else States.of(states)
        except EventError:
            return None
