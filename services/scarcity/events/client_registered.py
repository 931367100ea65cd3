"""A client joins its domain."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.domain_profile import PrivacyMode
from scarcity.events.dp_rules import DpRules


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
        privacy: mode that the client keeps to; empty: it does not say.
        limit_reached: what it publishes no more because its limit is reached: `slopes`, or `all`.
        leased_rounds: in mode `dp`, upper bound of the rounds that its accountant counts; with
            ``leased_until``, the last version that they may have been spent on.
        dp: rules under which these rounds are counted.
        public_key, signing_key: X25519 and Ed25519, base64: peers seal gossip messages for the one
            and check who wrote them by the other; empty: the client takes no part in sealed gossip.
        certificate: slot of a later schema minor.
    """

    client_id: str
    domain: str
    rows: int
    registered_at_ms: int
    moments: dict[str, Moments] = {}
    leased_scalars: int = 0
    privacy: PrivacyMode | Literal[""] = ""
    limit_reached: Literal["", "slopes", "all"] = ""
    leased_rounds: int = 0
    leased_until: int = -1
    dp: DpRules | None = None
    public_key: str = ""
    signing_key: str = ""
    certificate: str = ""
    schema_version: str = SCHEMA_VERSION
