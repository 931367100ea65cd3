"""What has to be made again for a version."""

import asyncio

import pytest
from tests.audit.ledgers import World

from scarcity.audit.chain import Chain, read_chain
from scarcity.audit.steps import needed


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
