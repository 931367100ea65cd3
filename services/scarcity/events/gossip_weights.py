"""A peer's prior, for its group alone."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload


class GossipDeviation(msgspec.Struct, frozen=True):
    """The plain content: theta minus the server's, as int8 [experts, 64] x scale [experts]."""

    levels: TensorPayload
    scales: TensorPayload


class GossipWeights(msgspec.Struct, omit_defaults=True):
    """Topic `gossip.<domain>`, key client_id, msgpack, compacted.

    Attributes:
        cycle: cycle of the plan this answers.
        base_version: version of the meta-parameters the deviation is measured from.
        sealing: how ``payload`` is sealed; `none`: msgpack of GossipDeviation. A reader that does
            not know the sealing leaves the message alone.
        payload: the deviation, sealed.
        exchanges, evictions, readmissions: running counts of this client, for the monitor.
        evicted: peers this client leaves out today.
    """

    client_id: str
    domain: str
    cycle: int
    base_version: int
    payload: bytes
    sealing: str = "none"
    exchanges: int = 0
    evictions: int = 0
    readmissions: int = 0
    evicted: list[str] = []
    schema_version: str = SCHEMA_VERSION
