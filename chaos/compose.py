"""The system of infra/compose.yaml as the container engine runs it; everything by `docker`.

A project name and ports of its own: it may run beside one that someone uses.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from scarcity.broker.settings import KafkaSettings
from scarcity.memory.settings import MemorySettings

ROOT: Final = Path(__file__).parents[1]
FILE: Final = ROOT / "infra" / "compose.yaml"
SECURE_FILE: Final = ROOT / "infra" / "compose.secure.yaml"
SECRETS: Final = ROOT / "infra" / "compose" / "secrets"
OPERATOR_KEYS: Final = SECRETS / "office" / "operator.key.pub"
IMAGES: Final = ("memory", "gossip", "meta", "monitor", "client", "tools")
# The services that build an image each; three clients share one.
BUILT: Final = ("memory", "gossip", "meta", "monitor", "client-economic", "tools")
UP_WITHIN_S: Final = 540.0


class CommandError(Exception):
    """A docker command failed; holds its last lines."""


async def docker(*arguments: str, within_s: float = 120.0, **environment: str) -> str:
    """Run docker and return what it printed.

    Raises:
        CommandError: it failed or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    told = f"docker {' '.join(arguments[:8])}"
    try:
        output, errors = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CommandError(f"{told}: no end after {within_s:.0f} s") from None
    if process.returncode:
        lines = (errors or output).decode(errors="replace").splitlines()[-12:]
        raise CommandError(f"{told}: exit code {process.returncode}\n" + "\n".join(lines))
    return output.decode(errors="replace")


async def image_sizes() -> dict[str, float]:
    """Size of each image in MB (10^6 bytes), as the engine counts it: with its base."""
    return {
        name: int(await docker("image", "inspect", "-f", "{{.Size}}", f"scarcity-{name}")) / 1e6
        for name in IMAGES
    }


class ComposeSystem:
    """All containers, until the context ends; the volumes go with them.

    Args:
        project: name of the compose project.
        first_port: five ports of the loopback from here on.
        secure: with infra/compose.secure.yaml; this machine then reads as the administrator.
    """

    def __init__(
        self, project: str = "scarcity-test", first_port: int = 29091, *, secure: bool = False
    ) -> None:
        self.project = project
        self._files = (FILE, SECURE_FILE) if secure else (FILE,)
        self._ports = {
            key: str(first_port + i)
            for i, key in enumerate(
                (*(f"KAFKA_PORT_{n}" for n in (1, 2, 3)), "MONITOR_PORT", "PROMETHEUS_PORT")
            )
        }

    @property
    def settings(self) -> KafkaSettings:
        """The brokers as this machine reaches them."""
        ports = (self._ports[f"KAFKA_PORT_{n}"] for n in (1, 2, 3))
        servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        if not self.secure:
            return KafkaSettings(servers)
        tls = SECRETS / "tls"
        return KafkaSettings.from_environment(
            {
                "SCARCITY_BOOTSTRAP_SERVERS": servers,
                "SCARCITY_SECURITY_PROTOCOL": "SSL",
                "SCARCITY_TLS_CA_FILE": str(tls / "ca.pem"),
                "SCARCITY_TLS_CERT_FILE": str(tls / "admin.pem"),
                "SCARCITY_TLS_KEY_FILE": str(tls / "admin.key"),
            }
        )

    @property
    def secure(self) -> bool:
        """Whether nobody is believed."""
        return len(self._files) > 1

    @property
    def memory_settings(self) -> MemorySettings:
        """What the memory workers fold by."""
        told = {"SCARCITY_OPERATOR_KEYS_FILE": str(OPERATOR_KEYS)} if self.secure else {}
        return MemorySettings.from_environment(told)

    @property
    def monitor_url(self) -> str:
        """Of the monitor's web."""
        return f"http://127.0.0.1:{self._ports['MONITOR_PORT']}"

    @property
    def prometheus_url(self) -> str:
        """Of Prometheus."""
        return f"http://127.0.0.1:{self._ports['PROMETHEUS_PORT']}"

    async def compose(self, *arguments: str, within_s: float = 120.0) -> str:
        """`docker compose …` of this project."""
        files = [word for file in self._files for word in ("-f", str(file))]
        return await docker(
            "compose", "-p", self.project, *files, *arguments, within_s=within_s, **self._ports
        )

    async def start(self) -> None:
        """Start everything from built images; returns when all are healthy, and jobs are done.

        Raises:
            CommandError: something did not come up.
        """
        for script in ("make_data.py", "make_secrets.py"):
            made = await asyncio.create_subprocess_exec(
                sys.executable, str(ROOT / "infra" / "compose" / script)
            )
            if await made.wait():
                raise CommandError(f"infra/compose/{script} failed")
        await self.compose("up", "-d", "--no-build", within_s=UP_WITHIN_S)
        await self.become_healthy()

    async def become_healthy(self) -> None:
        """Return when every container is healthy or, if it is a job, has done its work.

        Raises:
            CommandError: one is neither after nine minutes; with its last lines.
        """
        end = time.monotonic() + UP_WITHIN_S
        while unwell := [name for name, state in (await self.states()).items() if not _well(state)]:
            if time.monotonic() > end:
                logs = await self.compose("logs", "--tail", "5", *_services(unwell))
                raise CommandError(f"not healthy: {', '.join(unwell)}\n{logs}")
            await asyncio.sleep(2)

    async def states(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each container: `docker inspect`, by short name (`meta-1`)."""
        ids = (await self.compose("ps", "-aq")).split()
        if not ids:
            return {}
        found = json.loads(await docker("inspect", *ids))
        return {one["Name"].removeprefix(f"/{self.project}-"): one for one in found}

    async def kill(self, name: str) -> None:
        """Kill -9; the engine does not start it again."""
        await docker("kill", f"{self.project}-{name}")

    async def start_again(self, name: str) -> None:
        """Start a container that was killed or stopped."""
        await docker("start", f"{self.project}-{name}")

    async def stop(self, name: str) -> tuple[float, int]:
        """A planned stop by SIGTERM: its seconds, and the exit code (137: had to be killed)."""
        began = time.monotonic()
        await docker("stop", "-t", "60", f"{self.project}-{name}")
        took_s = time.monotonic() - began
        code = await docker("inspect", "-f", "{{.State.ExitCode}}", f"{self.project}-{name}")
        return took_s, int(code)

    async def execute(self, name: str, *command: str) -> str:
        """Run a command in a container."""
        return await docker("exec", f"{self.project}-{name}", *command)

    async def tool(self, *command: str, within_s: float = 300.0) -> str:
        """An operator's command, in a container of its own."""
        return await self.compose("run", "--rm", "-T", "tools", *command, within_s=within_s)

    async def down(self) -> None:
        """Remove containers, networks and volumes."""
        await self.compose("down", "-v", "-t", "10", "--remove-orphans", within_s=240)

    async def __aenter__(self) -> Self:
        await self.down()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.down()


async def build() -> None:
    """Build all images; layers that did not change are kept."""
    await docker("compose", "-f", str(FILE), "build", *BUILT, within_s=1800)


def _well(inspected: dict[str, Any]) -> bool:
    state = inspected["State"]
    if state["Status"] == "exited":
        return bool(state["ExitCode"] == 0)
    if state["Status"] != "running":
        return False
    return bool(state.get("Health", {}).get("Status", "healthy") == "healthy")


def _services(names: Sequence[str]) -> list[str]:
    """`meta-1` → `meta`."""
    return sorted({name.rpartition("-")[0] for name in names})
