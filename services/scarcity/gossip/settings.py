"""Settings of the gossip planner, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import InputError
from scarcity.gossip.planner import P2PGossipManager


@dataclass(frozen=True)
class GossipSettings:
    """What the planner's service needs.

    Attributes:
        cycle_s: seconds between two plans of a domain.
        active_s: a client takes part while its last insight is at most this much older than
            the newest of its domain; both are record times.
    """

    kafka: KafkaSettings
    cycle_s: float = 15.0
    active_s: float = 60.0
    manager: P2PGossipManager = field(default_factory=P2PGossipManager)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "GossipSettings":
        """Read SCARCITY_GOSSIP_CYCLE_S, _ACTIVE_S, _GROUP_SIZE and _MAX_PEERS.

        Raises:
            InputError: a value is no number in its range; the message names the key.
        """
        group_size = int(_number(environ, "SCARCITY_GOSSIP_GROUP_SIZE", 8, least=2))
        max_peers = int(_number(environ, "SCARCITY_GOSSIP_MAX_PEERS", 5, least=1))
        return cls(
            kafka=KafkaSettings.from_environment(environ),
            cycle_s=_number(environ, "SCARCITY_GOSSIP_CYCLE_S", cls.cycle_s, least=0.1),
            active_s=_number(environ, "SCARCITY_GOSSIP_ACTIVE_S", cls.active_s, least=1),
            manager=P2PGossipManager(group_size, max_peers),
        )


def _number(environ: Mapping[str, str], key: str, default: float, *, least: float) -> float:
    text = environ.get(key, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{key}={text!r} is not a number") from None
    if not isfinite(value) or value < least:
        raise InputError(f"{key}={text!r} must be at least {least:g}")
    return value
