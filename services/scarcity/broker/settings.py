"""How every client of the broker is built: one frozen object, read once from the environment."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from scarcity.broker.security import SecuritySettings
from scarcity.events.errors import InputError

N = TypeVar("N", int, float)

DEFAULT_BOOTSTRAP_SERVERS: Final = "127.0.0.1:9092"
BOOTSTRAP_SERVERS_KEY: Final = "SCARCITY_BOOTSTRAP_SERVERS"
SESSION_TIMEOUT_KEY: Final = "SCARCITY_SESSION_TIMEOUT_S"
HEARTBEATS_A_SESSION: Final = 6

# An insight may reach 4 MiB (topics.yaml) so that one above the limit of events is parked with its
# reason instead of vanishing at its sender; a parked record is larger than the original by headers.
MAX_REQUEST_BYTES: Final = 5 << 20

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")


def check_servers(servers: str, origin: str) -> str:
    """Return ``servers`` when it is a list of host:port separated by commas.

    Args:
        origin: what the person wrote it in, e.g. the environment key; begins the message.

    Raises:
        InputError: a part is no host:port, or a port lies outside 1 to 65535.
    """
    for part in servers.split(","):
        match = _SERVER.fullmatch(part.strip())
        if match is None or not 1 <= int(match[2]) <= 65535:
            raise InputError(
                f"{origin}: {part.strip()!r} is no host:port, e.g. {DEFAULT_BOOTSTRAP_SERVERS}"
            )
    return ",".join(part.strip() for part in servers.split(","))


def read_number(
    environ: Mapping[str, str], key: str, parse: Callable[[str], N], default: N, least: N, most: N
) -> N:
    """A number of the environment; missing or empty: the default.

    Raises:
        InputError: it is no number or lies out of range; names the key.

    >>> key = "SCARCITY_GOSSIP_MAX_PEERS"
    >>> read_number({key: "7"}, key, int, 3, 1, 9)
    7
    """
    text = environ.get(key)
    if not text:
        return default
    try:
        number = parse(text)
    except ValueError:
        raise InputError(f"{key}: {text!r} is no number; want {least} to {most}") from None
    if not least <= number <= most:
        raise InputError(f"{key}: {text} must lie in {least} to {most}")
    return number


@dataclass(frozen=True)
class KafkaSettings:
    """Where the broker is, what it is shown, and how soon a worker is missed.

    Attributes:
        bootstrap_servers: host:port, several separated by commas.
        session_timeout_s: silence after which the broker gives a worker's partitions to others.
            Brokers refuse less than their group.min.session.timeout.ms, 6 s by default.
        security: what connections are made with.
        patience_s: how long a broker that cannot be reached is waited for; None: for ever.
    """

    bootstrap_servers: str = DEFAULT_BOOTSTRAP_SERVERS
    session_timeout_s: float = 6.0
    security: SecuritySettings = field(default_factory=SecuritySettings)
    patience_s: float | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "KafkaSettings":
        """Read SCARCITY_BOOTSTRAP_SERVERS, SCARCITY_SESSION_TIMEOUT_S and the keys of security.

        Raises:
            InputError: a value is wrong; the message names the key.

        >>> KafkaSettings.from_environment({}).bootstrap_servers
        '127.0.0.1:9092'
        """
        servers = environ.get(BOOTSTRAP_SERVERS_KEY) or DEFAULT_BOOTSTRAP_SERVERS
        session_s = read_number(
            environ, SESSION_TIMEOUT_KEY, float, cls.session_timeout_s, 1.0, 300.0
        )
        security = SecuritySettings.from_environment(environ)
        return cls(check_servers(servers, BOOTSTRAP_SERVERS_KEY), session_s, security)

    @property
    def heartbeat_s(self) -> float:
        """How often a worker tells the group that it is there, and hears that others came."""
        return self.session_timeout_s / HEARTBEATS_A_SESSION

    def client_options(self) -> dict[str, Any]:
        """Options that every aiokafka client is built with: address and security."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            **self.security.aiokafka_options(),
        }

    def producer_options(self) -> dict[str, Any]:
        """Options of every producer: acknowledged by all replicas, idempotent, large enough."""
        return {
            **self.client_options(),
            "acks": "all",
            "enable_idempotence": True,
            "max_request_size": MAX_REQUEST_BYTES,
        }

    def consumer_options(self) -> dict[str, Any]:
        """Options of every consumer: committed records only, nothing committed by itself."""
        return {
            **self.client_options(),
            "isolation_level": "read_committed",
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "metadata_max_age_ms": 5000,
        }
