"""What the embedded broker's data directory holds, and whether a directory is one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scarcity.events.errors import InputError

OURS: Final = "cluster.id"

LOG4J2: Final = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:scarcity.data}/broker.log
appender.file.filePattern = ${sys:scarcity.data}/broker.log.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


def default_data_dir() -> Path:
    """Where the broker of `scarcity broker start` keeps its data."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "scarcity" / "broker"


def read_cluster_id(path: Path) -> str:
    """The cluster id of our marker file or of Kafka's meta.properties; empty: there is none."""
    try:
        lines = path.read_text("utf-8").split()
    except FileNotFoundError:
        return ""
    named = [line.partition("=")[2] for line in lines if line.startswith("cluster.id=")]
    return named[0] if named else lines[0] if path.name == OURS and lines else ""


def check_data_dir(data_dir: Path) -> None:
    """Make the directory, or see that it is ours.

    Raises:
        InputError: not writable, not a broker's, or of another cluster.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"data directory {data_dir} is not writable ({error.strerror}): choose one with "
            "--data-dir"
        ) from None
    ours = read_cluster_id(data_dir / OURS)
    formatted = data_dir / "kafka" / "meta.properties"
    theirs = read_cluster_id(formatted) or read_cluster_id(data_dir / "meta.properties")
    if theirs and theirs != ours:
        raise InputError(
            f"data directory {data_dir} belongs to another Kafka cluster ({theirs}): choose "
            "another with --data-dir"
        )
    if not ours and any(data_dir.iterdir()):
        raise InputError(
            f"data directory {data_dir} holds other files: choose an empty or new one with "
            "--data-dir"
        )


def server_properties(
    data_dir: Path, port: int, *, controller_port: int, guard: Mapping[str, str] | None = None
) -> str:
    """Kafka's configuration: broker and controller in one process, fit for a small machine.

    Args:
        guard: settings of its listeners and of who may do what; None: everyone on this machine may
            do everything.
    """
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data_dir / "kafka"),
        # Topics come from topics.yaml alone.
        "auto.create.topics.enable": "false",
        "num.partitions": "3",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "3",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",  # tests kill workers and do not like to wait
        # One machine, a few dozen topics: few threads, a small cleaner buffer (default 128 MiB),
        # indexes of 1 MiB instead of 10.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
        "log.cleaner.io.buffer.size": str(256 << 10),
        "log.index.size.max.bytes": str(1 << 20),
        "log.retention.check.interval.ms": "60000",
        **(guard or {}),
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())
