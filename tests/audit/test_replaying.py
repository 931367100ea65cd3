"""What has to be made again for a version, and that it is the same bytes however it is made."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audit.ledgers import World

from scarcity.audit.chain import Chain, read_chain
from scarcity.audit.replaying import needed

MAKE = """
import asyncio
from scarcity.audit.chain import read_chain
from tests.audit.ledgers import three_domains
print(read_chain(asyncio.run(three_domains(3).read()).ledger).links[-1].entry.result_hash)
"""


@pytest.fixture(scope="module")
def chain() -> Chain:
    """a and b of one family; c of another, after a was taught; d of a third, after c was."""
    world = World()
    world.add_domain("a", "first")
    world.round("a")
    world.add_domain("b", "first")
    world.add_domain("c", "second", columns=4)
    world.round("c")
    world.round("a")
    world.add_domain("d", "third", columns=5)
    world.round("d")
    world.round("c")
    return read_chain(asyncio.run(world.read()).ledger)


def names(chain: Chain, domain: str, last: int) -> str:
    return " ".join(link.name for link in needed(chain.links, {domain}, last))


def test_a_version_needs_its_family_and_what_its_start_looked_at(chain: Chain) -> None:
    told = " ".join(link.name for link in chain.links)
    assert told == "a@0 a@1 b@0 c@0 c@1 a@2 d@0 d@1 c@2"
    assert names(chain, "a", 2) == "a@0 a@1 b@0"
    # c started when a had its first version: its second is of no concern.
    assert names(chain, "c", 8) == "a@0 a@1 b@0 c@0 c@1 c@2"
    # d looked at both families as they were then: c's second round came later.
    assert names(chain, "d", 8) == "a@0 a@1 b@0 c@0 c@1 a@2 d@0 d@1"


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
