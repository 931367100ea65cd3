"""Who trades with whom in a gossip cycle."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION


class GossipPlan(msgspec.Struct, omit_defaults=True):
    """Topic `gossip-plan`, key client_id, JSON, compacted.

    Attributes:
        cycle: rises by one a cycle of the domain.
        status: `exchange` with ``peers``, or `waiting` with ``reason``.
        group: number of the group within the domain and cycle.
        peers: the other members of the group (at most 7).
    """

    client_id: str
    domain: str
    cycle: int
    status: Literal["exchange", "waiting"] = "waiting"
    group: int = 0
    peers: list[str] = []
    reason: str = ""
    schema_version: str = SCHEMA_VERSION
