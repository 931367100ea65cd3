import random

import orjson
import pytest
from tests.memory.insights import insight, record

from scarcity.events.client_memory import ClientMemory
from scarcity.events.codec import decode_json
from scarcity.events.errors import Reason, ServiceError
from scarcity.events.types import Outgoing, Record
from scarcity.memory.admission import AdmissionLimits
from scarcity.memory.partition_memory import PartitionMemory


def memory(quota: int = 10, **more: int) -> PartitionMemory:
    return PartitionMemory("insights.retail", 2, AdmissionLimits(), quota, **more)


def told(client: str, offset: int, loss: float = 0.5) -> Record:
    return record(insight(client, loss, sequence=offset), offset, partition=2)


def client_of(out: Outgoing) -> ClientMemory:
    return decode_json(out.value, ClientMemory)


def test_a_batch_gives_one_record_a_changed_client_in_the_order_of_source_offsets() -> None:
    changed, dead_letters = memory().fold([told("a", 0), told("b", 1), told("c", 2), told("a", 3)])
    assert [(out.key, client_of(out).source.offset) for out in changed] == [
        (b"retail/b", 1),
        (b"retail/c", 2),
        (b"retail/a", 3),
    ]
    assert {(out.topic, out.partition) for out in changed} == {("global-memory", 2)}
    assert dead_letters == []


def test_a_rejected_record_changes_the_client_under_its_key_and_no_source() -> None:
    folding = memory()
    folding.fold([told("a", 0)])
    bad = record(b"{", 1, key=b"a", partition=2)
    changed, dead_letters = folding.fold([bad])
    assert [(client_of(out).rejected, client_of(out).source.offset) for out in changed] == [(1, 0)]
    assert dict(dead_letters[0].headers)["dl_reason"].decode() == Reason.MALFORMED
    assert (dead_letters[0].key, dead_letters[0].value) == (b"a", b"{")


def test_a_rejected_record_of_a_stranger_is_parked_and_changes_nothing() -> None:
    changed, dead_letters = memory().fold([record(None, 0, key=None, partition=2)])
    assert changed == []
    assert dict(dead_letters[0].headers)["dl_offset"] == b"0"


def test_a_repeated_sequence_is_counted_and_not_parked() -> None:
    folding = memory()
    again = record(insight("a", 9.0, sequence=0), 1, partition=2)
    changed, dead_letters = folding.fold([told("a", 0), again])
    (only,) = map(client_of, changed)
    assert (only.accepted, only.duplicates, only.rejected) == (1, 1, 0)
    assert only.latest.avg_loss == 0.5
    assert dead_letters == []


def test_beyond_the_quota_the_client_with_the_oldest_latest_insight_goes() -> None:
    folding = memory(quota=2)
    folding.fold([told("a", 0), told("b", 1), told("a", 2)])
    changed, _ = folding.fold([told("c", 3)])
    assert [(out.key, out.value is None) for out in changed] == [
        (b"retail/b", True),
        (b"retail/c", False),
    ]
    assert changed[0].partition == 2
    assert [client.client_id for client in folding.clients()] == ["a", "c"]


def test_a_client_that_went_and_came_back_starts_anew_even_with_an_old_sequence() -> None:
    folding = memory(quota=1)
    changed, _ = folding.fold([told("a", 0), told("b", 1), record(insight("a", sequence=0), 2)])
    assert [(out.key, out.value is None) for out in changed] == [
        (b"retail/b", True),
        (b"retail/a", False),
    ]
    assert client_of(changed[-1]).accepted == 1


def test_the_order_of_leaving_can_be_had_from_the_records_in_any_order() -> None:
    first, second = memory(quota=2), memory(quota=2)
    changed, _ = first.fold([told("a", 0), told("b", 1), told("a", 2)])
    for out in reversed(changed):
        second.load((out.key or b"").removeprefix(b"retail/"), out.value)
    second.settle()
    assert first.fold([told("c", 3)]) == second.fold([told("c", 3)])


def test_clients_at_rest_fold_on_as_if_they_had_stayed_awake() -> None:
    draw = random.Random(4)
    awake, resting = memory(quota=5), memory(quota=5, resting_from=0)
    for first in range(0, 200, 20):
        batch = [
            record(
                b"{" if draw.random() < 0.1 else insight(client, sequence=draw.randrange(60)),
                first + i,
                key=client.encode(),
                partition=2,
            )
            for i, client in enumerate(draw.choices("abcdefg", k=20))
        ]
        assert awake.fold(batch) == resting.fold(batch)
    assert [c.encode() for c in awake.clients()] == [c.encode() for c in resting.clients()]


def test_a_client_at_rest_that_cannot_be_read_stops_the_worker() -> None:
    folding = memory()
    folding.load(b"a", b'{"source":{"topic":"t","partition":0,"offset":1}}')
    folding.load(b"a", b'{"client_id":"a","source":{"topic":"t","partition":0,"offset":1}}')
    folding.settle()
    with pytest.raises(ServiceError, match="upgrade"):
        folding.fold([told("a", 3)])


def test_the_headers_name_the_event_and_a_changed_client_gets_a_new_id() -> None:
    folding = memory()
    (first,), _ = folding.fold([told("a", 0)])
    (second,), _ = folding.fold([record(b"{", 1, key=b"a", partition=2)])
    headers = dict(first.headers)
    assert headers["ce_type"] == b"scarcity.ClientMemory.v1"
    assert headers["ce_source"] == b"/memory/insights.retail/2"
    assert headers["ce_time"] == b"2023-11-14T22:13:20.000Z"
    assert headers["ce_id"] != dict(second.headers)["ce_id"]


@pytest.mark.parametrize("client", ["a/b", "é", '"', "\n"])
def test_any_name_of_a_client_survives(client: str) -> None:
    (out,), _ = memory().fold([told(client, 0)])
    assert out.key == f"retail/{client}".encode()
    assert orjson.loads(out.value or b"")["client_id"] == client
