"""What an operator may set of the monitor, all from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scarcity.broker.http_token import LOOPBACK, bearer, is_loopback, is_same, read_token
from scarcity.broker.settings import read_number

DEFAULT_BIND = LOOPBACK
BIND_KEY = "SCARCITY_MONITOR_BIND"
TOKEN_FILE_KEY = "SCARCITY_MONITOR_TOKEN_FILE"
DEFAULT_PORT = 9464  # the port OpenTelemetry's Prometheus exporters use


@dataclass(frozen=True)
class MonitorSettings:
    """Settings of the monitor.

    Attributes:
        port: port of `/metrics` and `/health`; SCARCITY_MONITOR_PORT.
        memory_limit: bound of the memory workers, insights a domain, as they read it themselves
            from SCARCITY_MEMORY_MAX_INSIGHTS; 0 when it is not set here.
        lag_every_s: seconds between two looks at the consumer groups; SCARCITY_MONITOR_LAG_SECONDS.
        bind: address that the port is opened on; SCARCITY_MONITOR_BIND.
        token: that who asks must show, from the file SCARCITY_MONITOR_TOKEN_FILE; None: none.
    """

    port: int = DEFAULT_PORT
    memory_limit: int = 0
    lag_every_s: float = 5.0
    bind: str = DEFAULT_BIND
    token: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "MonitorSettings":
        """Read SCARCITY_MONITOR_*; an error names its key.

        >>> MonitorSettings.from_environment({"SCARCITY_MONITOR_PORT": "8000"}).port
        8000
        """
        return cls(
            read_number(environ, "SCARCITY_MONITOR_PORT", int, DEFAULT_PORT, 1, 65535),
            read_number(environ, "SCARCITY_MEMORY_MAX_INSIGHTS", int, 0, 0, 10**9),
            read_number(environ, "SCARCITY_MONITOR_LAG_SECONDS", float, cls.lag_every_s, 1, 1e9),
            environ.get(BIND_KEY) or DEFAULT_BIND,
            read_token(environ, TOKEN_FILE_KEY),
        )

    @property
    def is_open(self) -> bool:
        """Whether other machines may ask without a token.

        Raises:
            InputError: the address is none.
        """
        return self.token is None and not is_loopback(self.bind, BIND_KEY)

    def lets_in(self, authorization: str) -> bool:
        """Whether who asks with this Authorization header is told everything."""
        return self.token is None or is_same(bearer(authorization), self.token)
