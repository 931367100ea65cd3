"""The short form of `make chaos`: every service hurt at random, and nothing is lost."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.kafka
@pytest.mark.timeout(170)
async def test_a_system_that_was_hurt_ends_as_an_undisturbed_one_would(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "chaos", "--short", "--seed", "7", "--seconds", "20", "--keep", str(tmp_path)),
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it unwinds: broker and workers go with it
            await process.wait()
    assert process.returncode == 0, output.decode()
    compared = [line for line in output.decode().splitlines() if line.startswith("ok ")]
    assert len(compared) == 11
    assert [line for line in compared if " 0 compared" in line] == []
