"""A broker of its own and every process of the system on it."""

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from chaos.domains import DOMAINS, profile_of
from chaos.processes import Child, Spec
from chaos.signing import write_operator_keys
from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.client.outgoing import profile_record
from scarcity.keys.operators import OPERATOR_KEYS_FILE_KEY
from scarcity.local.processes import Guard
from scarcity.memory.settings import MemorySettings

TOPICS_FILE: Final = Path(__file__).parents[1] / "topics.yaml"


@dataclass(frozen=True)
class Shape:
    """How large a run is.

    Attributes:
        hosts: client hosts a domain, each with ``clients`` clients.
        signed: clients sign, and the services refuse what is not signed.
        crowd: clients of each domain that the generator speaks for.
        session_s: session time-out of every worker.
    """

    memory: int = 3
    meta: int = 2
    hosts: int = 2
    clients: int = 14
    crowd: int = 150
    events_per_s: int = 300
    session_s: float = 6.0
    monitor: bool = True
    signed: bool = False


class Cluster:
    """Everything, until the context ends. Names: `memory-1`, `meta-1`, `clients-orchards-0`, …"""

    def __init__(self, shape: Shape, directory: Path, seed: int) -> None:
        self.shape = shape
        self.directory = directory
        self.kafka = EmbeddedKafka(0, directory / "kafka")
        self.receipts = directory / "receipts.txt"
        self.children: dict[str, Child] = {}
        self._seed = seed
        self._guard = Guard()
        self._environment: dict[str, str] = {}
        self.operator_keys: Path | None = None

    @property
    def settings(self) -> KafkaSettings:
        """Of the broker, which keeps its port."""
        return KafkaSettings(self.kafka.bootstrap_servers, self.shape.session_s)

    @property
    def memory_settings(self) -> MemorySettings:
        """Of the workers."""
        return MemorySettings.from_environment(self._environment)

    def names(self, kind: str) -> list[str]:
        """Names of the processes of a kind."""
        return [name for name, child in self.children.items() if child.spec.kind == kind]

    def seen_file(self, name: str) -> Path:
        """Where a client host or the reader writes what it has seen."""
        return self.directory / f"{name}.seen.json"

    async def start(self) -> None:
        """Start the broker, declare topics and domains, start all processes."""
        self.kafka.start()
        self._guard.broker_at(self.kafka.pid_file)
        self._environment = {
            "SCARCITY_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "SCARCITY_SESSION_TIMEOUT_S": str(self.shape.session_s),
            "SCARCITY_GOSSIP_CYCLE_S": "3",
            "SCARCITY_MONITOR_PORT": str(free_port()),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        if self.shape.signed:
            self.operator_keys = write_operator_keys(self.directory)
            self._environment[OPERATOR_KEYS_FILE_KEY] = str(self.operator_keys)
        admin = TopicAdmin(self.settings)
        admin.apply(admin.plan(load_topics(TOPICS_FILE), DOMAINS))
        async with KafkaBroker(self.settings, "chaos") as broker:
            await broker.publish(*(profile_record(profile_of(d), now_ms=0) for d in DOMAINS))
        for spec in self._specs():
            self.add(spec)

    def add(self, spec: Spec) -> None:
        """Start one process more."""
        self.children[spec.name] = Child(spec, self.directory, self._guard)

    def service(self, kind: str, name: str) -> Spec:
        """A service as its operator runs it."""
        return Spec(kind, name, ("scarcity.cli", "run", kind), self._environment)

    async def leave(self, names: Iterable[str]) -> None:
        """Stop processes for good, cleanly."""
        await asyncio.gather(*(self.children[name].leave() for name in names))

    async def restart_broker(self) -> None:
        """Kill -9 the broker and start it again on its data directory."""
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.kafka.start)
        self._guard.broker_at(self.kafka.pid_file)

    def _specs(self) -> list[Spec]:
        shape, env = self.shape, self._environment
        specs = [self.service("memory", f"memory-{n + 1}") for n in range(shape.memory)]
        specs += [self.service("meta", f"meta-{n + 1}") for n in range(shape.meta)]
        specs.append(self.service("gossip", "gossip-1"))
        if shape.monitor:
            specs.append(self.service("monitor", "monitor-1"))
        for domain in DOMAINS:
            for host in range(shape.hosts):
                name = f"clients-{domain}-{host}"
                command = ("chaos.host", domain, str(host), str(shape.clients))
                specs.append(Spec("clients", name, (*command, str(self.seen_file(name))), env))
        reader = ("chaos.reader", str(self.seen_file("reader-1")))
        specs.append(Spec("reader", "reader-1", reader, env))
        crowd = (str(self._seed), str(shape.crowd), str(shape.events_per_s), str(self.receipts))
        specs.append(Spec("generator", "generator-1", ("chaos.generator", *crowd), env))
        return specs

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.leave(self.children)
        finally:
            self.kafka.stop()
            self._guard.close()
            if error is not None and not isinstance(error, asyncio.CancelledError):
                print(f"logs: {self.directory}", file=sys.stderr)
