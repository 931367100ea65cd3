"""What the global memory keeps of one client."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.insight import Insight


class ExpertMemory(msgspec.Struct, gc=False):
    """Running figures of one expert's loss: count, mean, and exponentially weighted mean."""

    count: int
    mean: float
    ewma: float


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where the last folded insight lies in the log."""

    topic: str
    partition: int
    offset: int


class ClientMemory(msgspec.Struct):
    """Topic `global-memory`, key `<domain>/<client_id>`, JSON, compacted.

    Lies in the partition that has the number of its source partition, in the order of the
    source offsets within a batch: meta relies on both.

    Attributes:
        latest: the last accepted insight.
        experts: per expert name, over all accepted insights.
        accepted, rejected, duplicates: records of this client, by what became of them.
        first_seen_ms, last_seen_ms: record timestamps of the first and the last accepted insight.
        serial: of the newest certificate that the client has signed under; 0: unsigned.
    """

    domain: str
    client_id: str
    latest: Insight
    experts: dict[str, ExpertMemory]
    accepted: int
    rejected: int
    duplicates: int
    first_seen_ms: int
    last_seen_ms: int
    source: Source
    serial: int = 0
    schema_version: str = SCHEMA_VERSION


def memory_key(domain: str, client_id: str) -> bytes:
    """Key of a client's record in `global-memory`.

    >>> memory_key("retail", "shop-7")
    b'retail/shop-7'
    """
    return f"{domain}/{client_id}".encode()
