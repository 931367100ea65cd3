"""What an operator may set of the monitor, all from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from scarcity.broker.settings import read_number

DEFAULT_PORT = 9464  # the port OpenTelemetry's Prometheus exporters use


@dataclass(frozen=True)
class MonitorSettings:
    """Settings of the monitor.

    Attributes:
        port: port of `/metrics` and `/health`, on loopback; SCARCITY_MONITOR_PORT.
        memory_limit: bound of the memory workers, insights a domain, as they read it themselves
            from SCARCITY_MEMORY_MAX_INSIGHTS; 0 when it is not set here.
        lag_every_s: seconds between two looks at the consumer groups; SCARCITY_MONITOR_LAG_SECONDS.
    """

    port: int = DEFAULT_PORT
    memory_limit: int = 0
    lag_every_s: float = 5.0

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
        )
