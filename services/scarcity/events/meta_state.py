"""What meta needs to go on after a restart on an empty disk."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.dp_rules import DpRules
from scarcity.events.standing import Mark
from scarcity.events.tensor import TensorPayload


class MetaState(msgspec.Struct, omit_defaults=True):
    """Topic `meta-state`, key = ``key``, msgpack, compacted.

    Keys: a domain; `*<family>` for a family's shared z0 and its moments; `*` for the writer
    itself (only ``ledger_hash``, ``ledger_length`` and ``checkpoint_length``).

    Attributes:
        tensors: named arrays of the optimiser (learning/online_maml.py names them).
        scalars: named numbers of the optimiser and the gate.
        used: per insights partition, the highest source offset that a version has used.
        ledger_hash: hex SHA-256 of the last ledger entry of this domain (`*`: of any domain).
        checkpoint_length: number of ledger entries at the last checkpoint.
        evidence: of clients that the check watches.
        marks: clients of the domain that do not count.
        ruled: the last of `rulings` that an entry of the domain tells: its offset, and the time
            that the operator gave it; -1 and 0 before any.
        departed: clients that left while an insight of theirs was pending.
        noise_key: secret of a domain with central noise: whoever knows it and the versions knows
            the sums without noise. Only meta and the audit read this topic.
        dp: rules of privacy mode `dp` that the domain's versions were made under.
    """

    key: str
    version: int = 0
    family: str = ""
    tensors: dict[str, TensorPayload] = {}
    scalars: dict[str, float] = {}
    used: dict[int, int] = {}
    ledger_hash: str = ""
    ledger_length: int = 0
    checkpoint_length: int = 0
    evidence: dict[str, float] = {}
    marks: list[Mark] = []
    ruled: tuple[int, int] = (-1, 0)
    departed: list[str] = []
    noise_key: bytes = b""
    dp: DpRules | None = None
    schema_version: str = SCHEMA_VERSION
