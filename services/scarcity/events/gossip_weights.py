"""A peer's prior, for its group alone."""

from enum import StrEnum

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


class WrappedKey(msgspec.Struct, frozen=True, array_like=True):
    """A content key for one reader.

    Attributes:
        key_id: of the reader's X25519 key: first 8 bytes of the SHA-256 of its public half.
        wrapped: HPKE's encapsulated key (32 bytes), then the encrypted content key (48).
    """

    key_id: bytes
    wrapped: bytes


class SealedDeviation(msgspec.Struct, frozen=True):
    """The sealed content (scarcity/keys/sealing.py).

    Attributes:
        body: msgpack of GossipDeviation under the content key.
        wraps: the content key, for each member of the group that has a key.
    """

    body: bytes
    wraps: list[WrappedKey]


class Refusal(StrEnum):
    """Why a reader left a peer's message alone (a closed set; a metric's label)."""

    UNSEALED = "unsealed"
    UNKNOWN_SENDER = "unknown-sender"
    FORGED = "forged"
    REPLAYED = "replayed"
    OTHER_GROUP = "other-group"
    NOT_FOR_US = "not-for-us"
    DOES_NOT_OPEN = "does-not-open"
    MALFORMED = "malformed"
    IMPOSTOR = "impostor"


class GossipWeights(msgspec.Struct, omit_defaults=True):
    """Topic `gossip.<domain>`, key client_id, msgpack, compacted.

    A sealed message is signed: header `sc_gossip`, over topic, key, cycle and the whole value
    (scarcity/client/letterbox.py).

    Attributes:
        cycle: cycle of the plan this answers.
        base_version: version of the meta-parameters the deviation is measured from.
        sealing: how ``payload`` is sealed; `none`: msgpack of GossipDeviation; `hpke-1`: msgpack of
            SealedDeviation. A reader that does not know the sealing leaves the message alone.
        payload: the deviation, sealed.
        exchanges, evictions, readmissions: running counts of this client, for the monitor.
        evicted: peers this client leaves out today.
        refused: running counts of messages that its process refused, by :class:`Refusal`; told by
            one client of a process.
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
    refused: dict[str, int] = {}
    schema_version: str = SCHEMA_VERSION
