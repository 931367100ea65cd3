"""A client joins its domain."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION


class Moments(msgspec.Struct, frozen=True):
    """Count, sum and sum of squares of one column; published only when the profile asks for it."""

    count: int
    total: float
    total_squares: float


class ClientRegistered(msgspec.Struct, omit_defaults=True):
    """Topic `clients`, key client_id, JSON, compacted; a tombstone means the client left.

    Attributes:
        rows: rows the client holds.
        moments: per column of the profile (features, then target), when it says `estimated`.
        leased_scalars: upper bound of the numbers this client has published of its rows; a restart
            counts them as spent (client/budget.py).
        public_key, certificate: slots of a later schema minor: peers' encryption and signing.
    """

    client_id: str
    domain: str
    rows: int
    registered_at_ms: int
    moments: dict[str, Moments] = {}
    leased_scalars: int = 0
    public_key: str = ""
    certificate: str = ""
    schema_version: str = SCHEMA_VERSION
