"""The same log gives the same bytes: whatever the batches, the workers, and the restarts."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.meta.feeding import WRITER, insight, latest_states, profile, profile_record

from scarcity.events.codec import encode_json
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import insights_topic
from scarcity.events.types import Outgoing, Position, Record
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication

DOMAIN, CLIENTS, ROUNDS, PARTITIONS = "retail", 6, 5, 3
POLICY = RoundPolicy(min_clients=2, quorum=1.0, quarantine=0.5)


def round_of(number: int) -> list[Record]:
    """Insights of a round; a client's number modulo 3 is its partition."""
    records = []
    for client in range(CLIENTS):
        told = insight(DOMAIN, f"c{client}", number, number)
        offset = number * (CLIENTS // PARTITIONS) + client // PARTITIONS
        where = Position(insights_topic(DOMAIN), client % PARTITIONS, offset)
        records.append(Record(where, told.client_id.encode(), encode_json(told), number))
    return records


def fresh() -> MetaCoordinator:
    return MetaCoordinator(
        OnlineMAMLEngine(), lambda: 0.0, "test", signing=WRITER, checkpoint_versions=2
    )


def observe(meta: MetaCoordinator, changed: Sequence[Outgoing], offset: int = 0) -> None:
    for one in changed:
        meta.observe(Record(Position(one.topic, one.partition or 0, offset), one.key, one.value, 0))


def published(
    batches: Sequence[int], *, workers: int = 1, restart_after: int | None = None
) -> list[Publication]:
    """All that the meta-learner publishes.

    Args:
        batches: sizes in which the memory takes the insights, in turn.
        workers: memories, each with the partitions of its number modulo ``workers``.
        restart_after: after this round memory and meta are made anew from what they had written.
    """
    memories, meta = [GlobalMemory() for _ in range(workers)], fresh()
    declared = profile_record(profile(DOMAIN, policy=POLICY))
    meta.observe(declared)
    made, written = meta.advance(0), {}
    for number in range(ROUNDS):
        left, turn = round_of(number), 0
        while left:
            size = batches[turn % len(batches)]
            batch, left, turn = left[:size], left[size:], turn + 1
            for place, memory in enumerate(memories):
                own = [r for r in batch if r.position.partition % workers == place]
                changed = memory.fold(own).changed
                written |= {out.key: out for out in changed}
                observe(meta, changed)
        made += meta.advance(number)
        if number == restart_after:
            kept = [
                Record(Position(o.topic, o.partition or 0, n), o.key, o.value, 0)
                for n, o in enumerate(written.values())
            ]
            memories, meta = [GlobalMemory() for _ in range(workers)], fresh()
            for memory, place in zip(memories, range(workers), strict=True):
                memory.restore(r for r in kept if r.position.partition % workers == place)
            meta.restore(latest_states(made))
            meta.observe(declared)
            observe(meta, list(written.values()))
    return made


UNDISTURBED = published([CLIENTS])


def test_the_rounds_mark_clients_and_write_checkpoints() -> None:
    entries = [one.entry for one in UNDISTURBED if one.entry is not None]
    assert len(entries) == ROUNDS + 1
    assert any(entry.checkpoint for entry in entries)
    assert any(entry.marks for entry in entries)


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(st.integers(1, CLIENTS), min_size=1, max_size=4), workers=st.integers(1, 3))
def test_batches_and_workers_change_not_one_byte(batches: list[int], workers: int) -> None:
    assert published(batches, workers=workers) == UNDISTURBED


@pytest.mark.parametrize("after", range(ROUNDS))
def test_a_restart_changes_not_one_byte(after: int) -> None:
    assert published([2, 3], workers=2, restart_after=after) == UNDISTURBED
