"""What runs in a demo: which processes, and what each is told."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scarcity.broker.security import PLAIN
from scarcity.local.processes import ChildSpec

MEMORY_LIMIT = 10_000  # insights a domain; the demo has some 360 clients


@dataclass(frozen=True)
class Address:
    """Where the broker and the monitor listen; it serves the dashboard as well."""

    servers: str
    monitor_port: int
    dashboard_port: int

    @property
    def environment(self) -> dict[str, str]:
        """What every child is told. One thread each: there are more processes than cores."""
        return {
            **PLAIN,
            "SCARCITY_BOOTSTRAP_SERVERS": self.servers,
            "SCARCITY_MONITOR_PORT": str(self.monitor_port),
            "SCARCITY_DASHBOARD_PORT": str(self.dashboard_port),
            "SCARCITY_MEMORY_MAX_INSIGHTS": str(MEMORY_LIMIT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }


def service_specs(address: Address, domains: Sequence[str]) -> list[ChildSpec]:
    """Every service, memory twice, and the host of the new clients."""
    services = {"memory-1": "memory", "memory-2": "memory"}
    services |= {name: name for name in ("meta", "gossip", "monitor")}
    specs = [_child(address, name, "cli", "run", what) for name, what in services.items()]
    return [*specs, _child(address, "new-clients", "demo.host", "evaluate", *domains)]


def clients_spec(address: Address, domain: str) -> ChildSpec:
    """The host of a domain's clients."""
    return _child(address, clients_name(domain), "demo.host", "train", domain)


def clients_name(domain: str) -> str:
    """Name of the process that holds a domain's clients."""
    return f"clients-{domain}"


def _child(address: Address, name: str, module: str, *args: str) -> ChildSpec:
    command = (sys.executable, "-m", f"scarcity.{module}", *args)
    return ChildSpec(name, command, address.environment)
