"""`scarcity start`: a broker and every service on this machine, until told to stop."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import Declared
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.security import PLAIN
from scarcity.broker.settings import BOOTSTRAP_SERVERS_KEY, KafkaSettings
from scarcity.local.broker_keeper import BrokerKeeper
from scarcity.local.processes import ChildSpec, Processes

SERVICES = ("memory", "meta", "gossip", "monitor")
CHECK_EVERY_S = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class SystemOptions:
    """What a person may choose.

    Attributes:
        data_dir: of the broker; what it holds is taken up again.
        monitor_port: of `/metrics` and `/health`.
    """

    port: int
    data_dir: Path
    monitor_port: int
    heap_mb: int = 512


def service_specs(servers: str, monitor_port: int) -> list[ChildSpec]:
    """Each service once. One thread each: there are more processes than cores."""
    environment = {
        **PLAIN,
        BOOTSTRAP_SERVERS_KEY: servers,
        "SCARCITY_MONITOR_PORT": str(monitor_port),
        **{name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")},
    }
    return [
        ChildSpec(name, (sys.executable, "-m", "scarcity", "run", name), environment)
        for name in SERVICES
    ]


async def run_system(
    options: SystemOptions, declared: Declared, domains: Sequence[str], say: Say
) -> None:
    """Run until cancelled; whatever was started is stopped, the log stays in the data directory.

    Raises:
        InputError: a port or the directory does not fit.
        ServiceError: the broker or a service could not be kept running.
    """
    options.data_dir.mkdir(parents=True, exist_ok=True)
    logs = options.data_dir / "logs"
    logs.mkdir(exist_ok=True)
    kafka = EmbeddedKafka(options.port, options.data_dir / "kafka", options.heap_mb, say=say)
    async with Processes(logs) as processes:
        keeper = BrokerKeeper(kafka, processes.guard)
        try:
            say("starting Kafka …")
            await keeper.start()
            servers = kafka.bootstrap_servers
            await asyncio.to_thread(apply_topics, KafkaSettings(servers), declared, domains)
            processes.start(service_specs(servers, options.monitor_port))
            say(_running(servers, options))
            keep = asyncio.create_task(keeper.keep())
            try:
                while True:
                    await asyncio.wait([keep], timeout=CHECK_EVERY_S)
                    if keep.done():
                        keep.result()
                    processes.check()
            finally:
                keep.cancel()
                await asyncio.gather(keep, return_exceptions=True)
        finally:
            await processes.stop()
            await keeper.stop()


def apply_topics(settings: KafkaSettings, declared: Declared, domains: Sequence[str]) -> None:
    """Create what topics.yaml declares, as `scarcity topics apply` does."""
    admin = TopicAdmin(settings)
    admin.apply(admin.plan(declared, domains))


def _running(servers: str, options: SystemOptions) -> str:
    there = "" if servers == "127.0.0.1:9092" else f" --bootstrap-servers {servers}"
    return (
        f"Kafka at {servers}; memory, meta, gossip and monitor run; "
        f"metrics at http://127.0.0.1:{options.monitor_port}/metrics\n"
        f"logs in {options.data_dir / 'logs'}; Ctrl-C stops all, what was learned stays\n"
        f"next, in a second terminal: scarcity domain create NAME --data FILE.csv --target "
        f"COLUMN{there}"
    )
