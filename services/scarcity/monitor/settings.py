"""What an operator may set of the monitor, all from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from scarcity.events.errors import InputError

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
        port = _number(environ, "SCARCITY_MONITOR_PORT", DEFAULT_PORT)
        if not (port.is_integer() and 0 < port < 65536):
            raise InputError(f"SCARCITY_MONITOR_PORT={port:g} is no port: use 1 to 65535")
        every_s = _number(environ, "SCARCITY_MONITOR_LAG_SECONDS", cls.lag_every_s)
        if every_s < 1:
            raise InputError(f"SCARCITY_MONITOR_LAG_SECONDS={every_s:g}: at least 1 second")
        limit = _number(environ, "SCARCITY_MEMORY_MAX_INSIGHTS", 0)
        return cls(int(port), int(limit), every_s)


def _number(environ: Mapping[str, str], key: str, default: float) -> float:
    text = environ.get(key, "").strip()
    if not text:
        return float(default)
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{key}={text!r} is not a number") from None
