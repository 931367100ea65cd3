"""A version made again is the same bytes, however it is made."""

import os
import subprocess
import sys
from pathlib import Path

MAKE = """
import asyncio
from scarcity.audit.chain import read_chain
from tests.audit.ledgers import three_domains
print(read_chain(asyncio.run(three_domains(3).read()).ledger).links[-1].entry.result_hash)
"""


def test_a_version_is_the_same_bytes_with_one_thread_and_with_two() -> None:
    def made(threads: str) -> str:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        # Also another order of sets and dicts of strings, wherever one might matter.
        changed = {**dict.fromkeys(names, threads), "PYTHONHASHSEED": threads}
        run = subprocess.run(
            [sys.executable, "-c", MAKE],
            env={**os.environ, **changed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout

    assert made("1") == made("2") != ""
