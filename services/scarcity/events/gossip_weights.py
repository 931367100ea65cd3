"""A peer's prior, for its group alone."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload


class Quantised(msgspec.Struct, frozen=True):
    """int8 [experts, n] x scale float64 [experts]; float32 levels are exact, their scales are 1."""

    levels: TensorPayload
    scales: TensorPayload


class GossipDeviation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The plain content: theta minus the server's, as int8 [experts, 64] x scale [experts].

    Attributes:
        levels: float32 when the sender does not round; the scales are 1 then.
        variances: log lambda and log sigma^2 minus the server's [experts, 65]; sent with
            ``momentum`` while the server is silent.
        momentum: the sender's running mean of meta-gradients [experts, 129].
    """

    levels: TensorPayload
    scales: TensorPayload
    variances: Quantised | None = None
    momentum: Quantised | None = None


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
