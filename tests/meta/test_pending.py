"""The pending set: what was not used yet, newest per client, nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.client_memory import ClientMemory, Source
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.meta.pending import PendingSet


def memory(client: str, offset: int, *, partition: int = 0, at_ms: int = 0) -> ClientMemory:
    insight = Insight(client, {"expert_0": ExpertInsight(1.0, 4)}, 1.0, 4, "retail", offset)
    where = Source("insights.retail", partition, offset)
    return ClientMemory("retail", client, insight, {}, 1, 0, 0, 0, at_ms, where)


def taken(pending: PendingSet) -> list[tuple[str, int]]:
    return [(h.insight.client_id, h.offset) for h in pending.take()]


def test_a_round_takes_every_pending_client_once() -> None:
    pending = PendingSet({})
    for client, offset in (("a", 3), ("b", 5)):
        pending.put(memory(client, offset))
    assert taken(pending) == [("a", 3), ("b", 5)]
    assert pending.used == {0: 5}
    assert taken(pending) == []


def test_only_the_newest_insight_of_a_client_counts() -> None:
    pending = PendingSet({})
    pending.put(memory("a", 3))
    pending.put(memory("a", 7))
    assert pending.count() == 1
    assert taken(pending) == [("a", 7)]


def test_insights_are_ordered_by_partition_then_offset_not_by_arrival() -> None:
    pending = PendingSet({})
    pending.put(memory("c", 1, partition=2))
    pending.put(memory("b", 9, partition=0))
    pending.put(memory("a", 4, partition=0))
    assert taken(pending) == [("a", 4), ("b", 9), ("c", 1)]
    assert pending.used == {0: 9, 2: 1}


def test_a_record_rewritten_after_its_insight_was_used_is_not_pending_again() -> None:
    pending = PendingSet({})
    pending.put(memory("a", 3))
    pending.take()
    pending.put(memory("a", 3))  # e.g. a duplicate was counted
    assert pending.count() == 0


def test_a_tombstone_takes_a_client_out_of_pending_and_active() -> None:
    pending = PendingSet({})
    pending.put(memory("a", 3, at_ms=50))
    pending.remove("a")
    pending.remove("never heard of")
    assert (pending.count(), pending.active(60, 1.0), pending.opened_ms()) == (0, 0, None)


def test_a_departed_client_counts_for_nothing_until_it_returns() -> None:
    departed: set[str] = set()
    pending = PendingSet({}, departed)
    pending.put(memory("a", 3))
    pending.put(memory("b", 9))
    departed.add("b")
    assert (pending.count(), pending.active(0, 60.0)) == (1, 1)
    assert taken(pending) == [("a", 3)]
    departed.clear()
    assert taken(pending) == [("b", 9)]


def test_a_marked_client_counts_for_nothing_until_it_is_lifted() -> None:
    departed = {"c"}
    pending = PendingSet({}, departed)
    for client, offset in (("a", 3), ("b", 9), ("c", 11)):
        pending.put(memory(client, offset))
    pending.marked = {"b", "c", "never heard of"}
    assert (pending.count(), pending.active(0, 60.0)) == (1, 1)
    assert (pending.newest("b"), pending.newest("x")) == ((0, 9), (-1, -1))
    assert pending.departed() == ["c"]
    assert taken(pending) == [("a", 3)]
    pending.marked = ()
    assert taken(pending) == [("b", 9)]


def test_a_client_is_active_while_its_last_insight_is_young() -> None:
    pending = PendingSet({})
    pending.put(memory("a", 3, at_ms=1_000))
    pending.take()
    assert pending.active(61_000, 60.0) == 1
    assert pending.active(61_001, 60.0) == 0


def test_a_client_that_reports_again_does_not_move_the_start_of_the_round() -> None:
    pending = PendingSet({})
    pending.put(memory("a", 3, at_ms=1_000))
    pending.put(memory("a", 4, at_ms=9_000))
    assert pending.opened_ms() == 1_000
    pending.take()
    pending.put(memory("a", 5, at_ms=12_000))
    assert pending.opened_ms() == 12_000


@given(
    log=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=60),
)
def test_no_insight_is_used_twice_or_passed_over_and_a_restart_changes_nothing(
    log: list[tuple[int, int, bool]],
) -> None:
    """The log is a list of (partition, client, a round closes here); offsets count up.

    Clients keep to one partition. What a round uses must be each client's newest insight since
    the round before, and a set rebuilt from `used` and the newest records must use the same.
    """
    pending = PendingSet({})
    newest: dict[tuple[int, int], ClientMemory] = {}
    expected: dict[tuple[int, int], int] = {}
    used_so_far: set[tuple[int, int]] = set()
    for offset, (partition, client, closes) in enumerate(log):
        record = memory(f"{partition}-{client}", offset, partition=partition)
        pending.put(record)
        newest[partition, client] = record
        expected[partition, client] = offset
        if not closes:
            continue
        rebuilt = PendingSet(pending.used)
        for kept in newest.values():
            rebuilt.put(kept)
        now = {(h.partition, h.offset) for h in pending.take()}
        assert now == {(p, o) for (p, _), o in expected.items()}
        assert now == {(h.partition, h.offset) for h in rebuilt.take()}
        assert rebuilt.used == pending.used
        assert not now & used_so_far
        used_so_far |= now
        expected.clear()
