"""The broker's process and the ports of this machine."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02


class Running(NamedTuple):
    """A process that was started earlier, perhaps by another command.

    Attributes:
        tls_port: where it wants a certificate; 0: it was started without TLS.
    """

    pid: int
    port: int
    tls_port: int = 0

    def is_alive(self, data_dir: str) -> bool:
        """Whether the pid is still the broker of this directory and not a later process."""
        return f"-Dscarcity.data={data_dir}" in command_line(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, e.g. SIGSTOP."""
        os.kill(self.pid, number)

    def end(self, with_signal: signal.Signals, limit_s: float) -> None:
        """Send the signal and wait; after ``limit_s`` seconds, by force."""
        deadline = time.monotonic() + limit_s
        sent = with_signal
        os.kill(self.pid, sent)
        while not self._is_gone():
            if time.monotonic() > deadline and sent != signal.SIGKILL:
                sent = signal.SIGKILL
                os.kill(self.pid, sent)
            time.sleep(POLL_S)

    def _is_gone(self) -> bool:
        try:
            return exit_code(self.pid) is not None
        except ChildProcessError:
            return not command_line(self.pid)


def spawn(command: list[str], output: Path) -> int:
    """Start a process that outlives this one; returns its pid.

    It has a session of its own (Ctrl-C ends the command, not the broker under it), no input, and
    both outputs in ``output``. `subprocess` would warn about a child that is left running.
    """
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), write, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)


def exit_code(child: int) -> int | None:
    """Exit code of a child of this process; None while it runs. Reaps it, so ask once.

    Raises:
        ChildProcessError: it is no child, or was reaped.
    """
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def command_line(pid: int) -> str:
    """Command line of a process; empty when there is none."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
