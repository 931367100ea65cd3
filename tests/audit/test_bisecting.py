"""Halving finds what verifying from the first version finds, with less work."""

import asyncio
from dataclasses import replace

import pytest
from tests.audit.ledgers import World, linked_anew, with_entry, with_insight

from scarcity.audit.bisecting import bisect_checkpoints, bisect_copies
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.verification import verify
from scarcity.events.errors import InputError, ServiceError

ROUNDS = 31


@pytest.fixture(scope="module")
def log() -> AuditLog:
    """32 versions of one domain with a checkpoint behind every second."""
    world = World(partitions=1, checkpoint_versions=2)
    world.add_domain("retail")
    for _ in range(ROUNDS):
        world.round("retail", 2)
    return asyncio.run(world.read())


def rewritten_from(log: AuditLog, first: int) -> AuditLog:
    """All insights of a round and of those after it say something else."""
    topic = "insights.retail"
    records = list(log.insights[topic])
    for number in range(2 * first, len(records)):
        value = records[number].value or b""
        changed = value.replace(b'"slopes":[', b'"slopes":[9')
        records[number] = records[number]._replace(value=changed)
    return replace(log, insights={topic: tuple(records)})


def test_a_sound_log_is_borne_out_by_its_last_stretch(log: AuditLog) -> None:
    found = bisect_checkpoints(log, KnownRules())
    assert (found.stretches, found.made, found.differing) == (16, 1, None)


@pytest.mark.parametrize("first", [0, 1, 14, 29, 30])
def test_what_differs_for_good_is_found_where_it_begins(log: AuditLog, first: int) -> None:
    changed = rewritten_from(log, first)
    found = bisect_checkpoints(changed, KnownRules())
    report = verify(changed, Selection(), KnownRules())
    assert found.differing is not None
    assert found.differing.version == report.differing[0].version == f"retail@{first + 1}"
    assert found.differing.differences[0].name == "inputs_hash"
    # log2 of 16 stretches, and the last.
    assert found.made <= 5


def test_stretches_that_retention_took_are_passed_over(log: AuditLog) -> None:
    changed = rewritten_from(log, 20)
    topic, first = "insights.retail", 2 * 10
    records = changed.insights[topic][first:]
    cut = replace(changed, insights={topic: records}, first_offsets={(topic, 0): first})
    found = bisect_checkpoints(cut, KnownRules())
    assert found.differing is not None
    assert found.differing.version == "retail@21"
    gone = replace(changed, insights={topic: ()}, first_offsets={})
    with pytest.raises(ServiceError, match="cannot be made again"):
        bisect_checkpoints(gone, KnownRules())


def test_without_checkpoints_there_is_nothing_to_halve(log: AuditLog) -> None:
    with pytest.raises(InputError, match="verify without --bisect"):
        bisect_checkpoints(replace(log, checkpoints=()), KnownRules())


def test_two_copies_part_at_the_first_entry_that_differs(log: AuditLog) -> None:
    forged = linked_anew(with_entry(log, 21, result_hash="0" * 64))
    found = bisect_copies(log, forged, KnownRules())
    assert found is not None
    assert (found.here.name, found.there.name) == ("retail@21", "retail@21")
    assert found.compared <= 5
    assert found.here_differs is None
    assert found.there_differs is not None
    (difference,) = found.there_differs.differences
    assert (difference.name, difference.told) == ("result_hash", "0" * 64)


def test_the_copy_here_may_be_the_false_one(log: AuditLog) -> None:
    changed = with_insight(log, "insights.retail", 40, log.insights["insights.retail"][38].value)
    forged = linked_anew(with_entry(changed, 5, result_hash="0" * 64))
    found = bisect_copies(forged, log, KnownRules())
    assert found is not None
    assert found.here_differs is not None
    assert found.there_differs is None


def test_copies_that_go_on_from_each_other_do_not_part(log: AuditLog) -> None:
    shorter = replace(log, ledger=log.ledger[:7])
    assert bisect_copies(log, shorter, KnownRules()) is None
    assert bisect_copies(shorter, log, KnownRules()) is None
