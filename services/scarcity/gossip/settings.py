"""Settings of the gossip planner, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scarcity.broker.settings import KafkaSettings, read_number
from scarcity.gossip.planner import P2PGossipManager
from scarcity.keys.operators import read_operator_keys
from scarcity.keys.signing import PublicKey


@dataclass(frozen=True)
class GossipSettings:
    """What the planner's service needs.

    Attributes:
        cycle_s: seconds between two plans of a domain.
        active_s: a client takes part while its last insight is at most this much older than
            the newest of its domain; both are record times.
        enrolling: operators whose clients may register; empty: whoever may write to the topic.
    """

    kafka: KafkaSettings
    cycle_s: float = 15.0
    active_s: float = 60.0
    manager: P2PGossipManager = field(default_factory=P2PGossipManager)
    enrolling: tuple[PublicKey, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "GossipSettings":
        """Read SCARCITY_GOSSIP_CYCLE_S, _ACTIVE_S, _GROUP_SIZE and _MAX_PEERS, and operators' keys.

        Raises:
            InputError: a value is no number in its range, or the keys cannot be read; the message
                names the key.
        """
        group_size = read_number(environ, "SCARCITY_GOSSIP_GROUP_SIZE", int, 8, 2, 10**6)
        max_peers = read_number(environ, "SCARCITY_GOSSIP_MAX_PEERS", int, 5, 1, 10**6)
        return cls(
            kafka=KafkaSettings.from_environment(environ),
            cycle_s=read_number(environ, "SCARCITY_GOSSIP_CYCLE_S", float, cls.cycle_s, 0.1, 1e9),
            active_s=read_number(environ, "SCARCITY_GOSSIP_ACTIVE_S", float, cls.active_s, 1, 1e9),
            manager=P2PGossipManager(group_size, max_peers),
            enrolling=tuple(read_operator_keys(environ)),
        )
