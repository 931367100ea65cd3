from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.insights import expert, insight, record

from scarcity.events.errors import ServiceError
from scarcity.events.types import Outgoing, Position, Record
from scarcity.memory.global_memory import GlobalMemory

DOMAINS = ("health", "retail")
PARTITIONS = 3


class Compacted:
    """`global-memory` as a reader of the compacted topic sees it: the last value of each key."""

    def __init__(self) -> None:
        self.latest: dict[bytes, Record] = {}
        self.dead_letters: dict[tuple[bytes, ...], Outgoing] = {}

    def publish(self, changed: Iterable[Outgoing], dead_letters: Iterable[Outgoing]) -> None:
        for out in changed:
            assert out.key is not None
            assert out.partition is not None
            position = Position(out.topic, out.partition, len(self.latest))
            self.latest[out.key] = Record(position, out.key, out.value, 0, out.headers)
        for out in dead_letters:
            where = tuple(
                v for k, v in out.headers if k in ("dl_topic", "dl_partition", "dl_offset")
            )
            assert where not in self.dead_letters
            self.dead_letters[where] = out

    def of_partition(self, number: int) -> list[Record]:
        return [r for r in self.latest.values() if r.position.partition == number]

    @property
    def values(self) -> dict[bytes, bytes]:
        return {key: r.value for key, r in self.latest.items() if r.value is not None}


@st.composite
def told(draw: st.DrawFn) -> tuple[str, int, bytes, bytes | dict[str, object]]:
    """Domain, partition, key, and what a client (or a stranger) wrote there."""
    client = draw(st.sampled_from("abcdefg"))
    domain = draw(st.sampled_from(DOMAINS))
    loss = draw(st.floats(0, 1e12))
    value: bytes | dict[str, object] = draw(
        st.one_of(
            st.builds(
                lambda sequence: insight(
                    client,
                    loss,
                    domain=domain,
                    sequence=sequence,
                    expert_insights={"expert_0": expert(loss), "expert_7": expert(loss / 3)},
                ),
                st.none() | st.integers(0, 12),
            ),
            st.sampled_from([b"", b"{", b'{"schema_version": "7.0"}']),
            st.just(insight(client, -1.0, domain=domain)),
            st.just(insight("z", domain=domain)),
        )
    )
    return domain, ord(client) % PARTITIONS, client.encode(), value


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """Records in the order they were written, over all partitions."""
    ends: dict[tuple[str, int], int] = {}
    records = []
    for domain, partition, key, value in draw(st.lists(told(), max_size=60)):
        offset = ends.get((domain, partition), 0)
        ends[domain, partition] = offset + draw(st.integers(1, 3))  # a log has holes
        records.append(
            record(
                value,
                offset,
                key=key,
                domain=domain,
                partition=partition,
                timestamp_ms=1_700_000_000_000 + draw(st.integers(-50, 50)),
            )
        )
    return records


def fold_undisturbed(log: list[Record], max_insights: int) -> Compacted:
    compacted = Compacted()
    memory = GlobalMemory(max_insights, partitions=PARTITIONS)
    compacted.publish(*memory.fold(log)[:2])
    return compacted


@given(
    log=logs(),
    max_insights=st.sampled_from([1, 3, 6, 9, 1000]),
    data=st.data(),
)
def test_batches_restarts_and_workers_change_no_byte(
    log: list[Record], max_insights: int, data: st.DataObject
) -> None:
    """Partition numbers are dealt to workers, which die and take over at any batch boundary."""
    compacted = Compacted()
    left = {n: [r for r in log if r.position.partition == n] for n in range(PARTITIONS)}
    for number, records in left.items():
        # Domains' records of one number meet in any interleaving, each domain's in its own order.
        order = data.draw(st.permutations(DOMAINS))
        if data.draw(st.booleans()):
            records.sort(key=lambda r: order.index(r.position.topic.removeprefix("insights.")))
        memory = GlobalMemory(max_insights, partitions=PARTITIONS)
        while left[number]:
            size = data.draw(st.integers(1, len(left[number])))
            batch, left[number] = left[number][:size], left[number][size:]
            compacted.publish(*memory.fold(batch)[:2])
            fate = data.draw(st.sampled_from(["go on", "restart", "lose a batch", "hand over"]))
            if fate == "lose a batch":  # folded, but the transaction was never committed
                memory.fold(left[number][:2])
            if fate in ("restart", "lose a batch"):
                memory = GlobalMemory(max_insights, partitions=PARTITIONS)
                memory.restore(compacted.latest.values())
            if fate == "hand over":
                memory.forget(number)
                memory.restore(compacted.of_partition(number))
    undisturbed = fold_undisturbed(log, max_insights)
    assert compacted.values == undisturbed.values
    assert compacted.dead_letters == undisturbed.dead_letters


def retail(client: str, offset: int, partition: int = 0, loss: float = 0.5) -> Record:
    return record(insight(client, loss), offset, partition=partition)


def test_it_answers_by_domain_and_by_client() -> None:
    memory = GlobalMemory()
    health = record(insight("b", 0.9, domain="health"), 0, domain="health")
    memory.fold([retail("b", 0, 1), retail("a", 0, 0, 0.25), health])
    assert [client.client_id for client in memory.by_domain("retail")] == ["a", "b"]
    assert memory.by_domain("sport") == []
    found, other = memory.client("b"), memory.client("b", "retail")
    assert found is not None
    assert other is not None
    assert (found.domain, other.domain) == ("health", "retail")
    assert memory.client("nobody") is None
    assert memory.domains == {"health": 1, "retail": 2}
    assert [latest.avg_loss for latest in memory.insights] == [0.9, 0.25, 0.5]
    assert len(memory) == 3


def test_the_bound_is_shared_out_over_the_partitions() -> None:
    """Seven over two partitions: three each."""
    memory = GlobalMemory(7, partitions=2)
    memory.fold([retail(f"c{n}-{p}", n, p) for n in range(5) for p in range(2)])
    assert sorted(client.client_id for client in memory.by_domain("retail")) == [
        f"c{n}-{p}" for n in (2, 3, 4) for p in range(2)
    ]


def test_an_answer_is_a_copy() -> None:
    memory = GlobalMemory()
    memory.fold([retail("a", 0)])
    memory.by_domain("retail")[0].experts.clear()
    assert len(memory.by_domain("retail")[0].experts) == 10


def test_a_record_that_this_version_cannot_read_stops_the_worker_with_its_place() -> None:
    with pytest.raises(ServiceError, match=r"global-memory\[0\]@7 .* upgrade"):
        GlobalMemory().restore([Record(Position("global-memory", 0, 7), b"k", b"{}", 0)])


@pytest.mark.parametrize(("bound", "partitions"), [(0, 1), (1, 0)])
def test_a_bound_below_one_cannot_be_made(bound: int, partitions: int) -> None:
    with pytest.raises(ValueError, match=">= 1"):
        GlobalMemory(bound, partitions=partitions)


def test_threads_fold_and_ask_at_once() -> None:
    memory = GlobalMemory()

    def work(partition: int) -> int:
        for offset in range(100):
            memory.fold([retail(f"c{offset % 7}-{partition}", offset, partition)])
            memory.by_domain("retail")
        return len(memory)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(memory) == 28
    assert sum(client.accepted for client in memory.by_domain("retail")) == 400
