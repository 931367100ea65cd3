"""The in-process log keeps the broker's contract, and its own of compaction."""

import pytest

from scarcity.events.types import Outgoing
from scarcity.simulation.log import MemoryLog


async def test_compaction_keeps_the_latest_of_each_key_at_its_offset() -> None:
    log = MemoryLog(partitions=1)
    for value in (b"1", b"2", b"3"):
        await log.publish(Outgoing("t", b"a", value))
    await log.publish(Outgoing("t", b"b", b"9"), Outgoing("t", b"b", None))
    log.compact("t")
    kept = await log.read_all("t")
    assert [(r.key, r.value, r.position.offset) for r in kept] == [(b"a", b"3", 2)]


async def test_offsets_go_on_after_compaction() -> None:
    log = MemoryLog(partitions=1)
    await log.publish(Outgoing("t", b"a", None))
    log.compact("t")
    await log.publish(Outgoing("t", b"a", b"1"))
    assert [r.position.offset for r in await log.read_all("t")] == [1]


async def test_a_record_carries_the_time_that_was_passed_in() -> None:
    log = MemoryLog(now_ms=lambda: 1234)
    await log.publish(Outgoing("t", b"a", b"1"))
    assert [r.timestamp_ms for r in await log.read_all("t")] == [1234]


def test_a_partition_that_does_not_exist_is_refused() -> None:
    log = MemoryLog(partitions=2)
    with pytest.raises(ValueError, match="0 to 1"):
        log.append(Outgoing("t", b"a", b"1", partition=2))
