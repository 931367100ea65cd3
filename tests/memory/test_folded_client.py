import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.insights import expert, insight, record

from scarcity.events.client_memory import ClientMemory
from scarcity.events.insight import Insight
from scarcity.memory.folded_client import FoldedClient, decode_client, source_offset


def folded(*losses: float) -> FoldedClient:
    client: FoldedClient | None = None
    for offset, loss in enumerate(losses):
        told = record(
            insight(expert_insights={"expert_3": expert(loss)}, sequence=offset),
            offset,
            timestamp_ms=1000 + offset,
        )
        admitted = msgspec.json.decode(told.value or b"", type=Insight)
        client = client or FoldedClient.start(admitted, told)
        client.accept(admitted, told)
    assert client is not None
    return client


def test_it_has_the_fields_of_a_client_memory_in_their_order() -> None:
    assert FoldedClient.__struct_fields__ == ClientMemory.__struct_fields__


def test_means_and_times_follow_the_losses() -> None:
    """Losses 1, 2, 4: mean 7/3; ewma 1, then 1 + .2 = 1.2, then 1.2 + .2 * 2.8 = 1.76."""
    seen = folded(1.0, 2.0, 4.0).read()
    assert seen.experts["expert_3"].count == 3
    assert seen.experts["expert_3"].mean == pytest.approx(7 / 3, rel=1e-15)
    assert seen.experts["expert_3"].ewma == pytest.approx(1.76, rel=1e-15)
    assert (seen.first_seen_ms, seen.last_seen_ms, seen.source.offset) == (1000, 1002, 2)
    assert seen.latest.expert_insights["expert_3"].loss == 4.0


def test_the_latest_insight_is_kept_byte_for_byte_but_for_space_around_it() -> None:
    value = b' { "x": [1 ,2], ' + orjson.dumps(insight())[1:] + b"\r\n"
    told = record(value)
    client = FoldedClient.start(msgspec.json.decode(value, type=Insight), told)
    client.accept(msgspec.json.decode(value, type=Insight), told)
    assert value.strip() in client.encode()
    assert decode_client(client.encode()).encode() == client.encode()


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=30), st.floats(0, 1e12))
def test_a_client_that_went_through_its_record_goes_on_to_the_same_bytes(
    losses: list[float], later: float
) -> None:
    stayed = folded(*losses)
    restored = decode_client(stayed.encode())
    assert restored.encode() == stayed.encode()
    told = record(insight(expert_insights={"expert_3": expert(later)}), 99)
    admitted = msgspec.json.decode(told.value or b"", type=Insight)
    for client in (stayed, restored):
        client.accept(admitted, told)
    assert restored.encode() == stayed.encode()


def test_the_sequence_can_be_had_from_the_record() -> None:
    assert decode_client(folded(0.1, 0.2).encode()).latest_sequence() == 1


def test_the_source_offset_can_be_had_from_the_records_end_whatever_the_insight_says() -> None:
    value = orjson.dumps({**insight(sequence=7), "note": {"source": {"offset": 99}}})
    told = record(value, 3)
    client = FoldedClient.start(msgspec.json.decode(value, type=Insight), told)
    client.accept(msgspec.json.decode(value, type=Insight), told)
    assert source_offset(client.encode()) == 3


@pytest.mark.parametrize("value", [b"", b"{}", b'{"source":1}', b'{"x":1,"source":{"offset":1}}'])
def test_what_has_no_source_is_no_clients_record(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        source_offset(value)
