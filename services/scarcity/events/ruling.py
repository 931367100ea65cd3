"""What an operator rules of clients: they do not count, they count again, or they are taken out."""

from typing import Literal

import msgspec

from scarcity.events.checkpoint import states_hash
from scarcity.events.codec import SCHEMA_VERSION, canonical_json
from scarcity.events.meta_state import MetaState

RulingKind = Literal["quarantine", "readmit", "repair"]


class Ruling(msgspec.Struct, omit_defaults=True):
    """Topic `rulings`, key domain (`*` for a repair), msgpack, append-only, one partition.

    Attributes:
        kind: `quarantine`: the clients' insights count no more; `readmit`: they count again;
            `repair`: the domains of ``states`` go on from these, and the clients count no more.
        domains: of a repair, those in which the clients are marked.
        ruled_at_ms: unix time of the operator; a ruling of a domain must be newer than the one
            before, or it is somebody's repetition.
        base_length, base_hash: of a repair: the ledger that was folded anew.
        states: of a repair: domains and families as they would be; their versions are the base's.
        key_id, signature: of the operator, over :meth:`signed_bytes`; hex.
    """

    kind: RulingKind
    domains: tuple[str, ...]
    clients: tuple[str, ...]
    ruled_at_ms: int
    reason: str = ""
    base_length: int = 0
    base_hash: str = ""
    states: tuple[MetaState, ...] = ()
    key_id: str = ""
    signature: str = ""
    schema_version: str = SCHEMA_VERSION

    def signed_bytes(self) -> bytes:
        """What the operator signs: all but the states and the signature, then the states' hash."""
        bare = msgspec.structs.replace(self, states=(), signature="")
        return canonical_json(bare) + states_hash(self.states).encode()
