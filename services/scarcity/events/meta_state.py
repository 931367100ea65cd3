"""What meta needs to go on after a restart on an empty disk."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload


class MetaState(msgspec.Struct, omit_defaults=True):
    """Topic `meta-state`, key = ``key``, msgpack, compacted.

    Keys: a domain; `*<family>` for a family's shared z0 and its moments; `*` for the writer
    itself (only ``ledger_hash`` and ``ledger_length``).

    Attributes:
        tensors: named arrays of the optimiser (learning/online_maml.py names them).
        scalars: named numbers of the optimiser and the gate.
        used: per insights partition, the highest source offset that a version has used.
        ledger_hash: hex SHA-256 of the last ledger entry of this domain (`*`: of any domain).
    """

    key: str
    version: int = 0
    family: str = ""
    tensors: dict[str, TensorPayload] = {}
    scalars: dict[str, float] = {}
    used: dict[int, int] = {}
    ledger_hash: str = ""
    ledger_length: int = 0
    schema_version: str = SCHEMA_VERSION
