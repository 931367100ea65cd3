"""A container engine, the images and the running system, all real; removed at the end.

On a machine without an engine, the lab beside the project makes one (its README says how).
"""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.compose import ComposeSystem, build

ROOT = Path(__file__).parents[2]
LAB = ROOT.parent / "shared" / "lab" / "containers.sh"


def engine_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = ("docker", "compose", "version"), ("docker", "info")
    return all(not subprocess.run(a, capture_output=True, check=False).returncode for a in asked)


@pytest.fixture(scope="session")
def images() -> None:
    """All images, built from the tree as it is."""
    if not engine_answers():
        if not LAB.exists():
            pytest.fail("no container engine: install Docker with Compose v2")
        words = ("base", "python", "kafka", "prometheus")
        subprocess.run(["bash", LAB, *words], check=True, timeout=1500)
    asyncio.run(build())


def running(system: ComposeSystem) -> Iterator[ComposeSystem]:
    asyncio.run(system.down())
    try:
        asyncio.run(system.start())
        yield system
    finally:
        asyncio.run(system.down())


@pytest.fixture(scope="module")
def system(images: None) -> Iterator[ComposeSystem]:
    """The system, every container healthy."""
    yield from running(ComposeSystem())


@pytest.fixture(scope="module")
def secure_system(images: None) -> Iterator[ComposeSystem]:
    """The same with TLS, passwords and rights."""
    yield from running(ComposeSystem(secure=True))
