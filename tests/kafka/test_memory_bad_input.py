import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from tests.kafka.memory_worker import until_folded, until_there, worker
from tests.memory.insights import expert, insight

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.client_memory import ClientMemory, memory_key
from scarcity.events.codec import decode_json
from scarcity.events.errors import Reason
from scarcity.events.topics import DEAD_LETTERS, GLOBAL_MEMORY, insights_topic
from scarcity.events.types import Outgoing, Record

pytestmark = pytest.mark.kafka

DOMAIN = "careless"
TOPIC = insights_topic(DOMAIN)


@pytest.fixture(scope="module")
def memory(
    kafka_address: str, create_topics: Callable[[str], None]
) -> Iterator[subprocess.Popen[bytes]]:
    """One worker for the whole module: after each case the same process must still be at work."""
    create_topics(DOMAIN)
    with worker(kafka_address) as process:
        yield process


def told(client: str, **fields: Any) -> bytes:
    return orjson.dumps({**insight(client), "domain": DOMAIN, **fields})


def one_expert(name: str = "expert_0", **fields: Any) -> dict[str, Any]:
    return {name: expert(**fields)}


CASES: dict[str, tuple[bytes | None, Reason]] = {
    "malformed": (b'{"client_id": "malformed", ', Reason.MALFORMED),
    "empty": (b"", Reason.EMPTY),
    "tombstone": (None, Reason.EMPTY),
    "other-domain": (told("other-domain", domain="economic"), Reason.WRONG_DOMAIN),
    "other-key": (told("somebody-else"), Reason.WRONG_KEY),
    "stranger": (
        told("stranger", expert_insights=one_expert("expert_77")),
        Reason.UNKNOWN_EXPERT,
    ),
    "not-a-number": (
        told("not-a-number", avg_loss=-1).replace(b'"avg_loss":-1', b'"avg_loss":NaN'),
        Reason.NOT_FINITE,
    ),
    "negative": (
        told("negative", expert_insights=one_expert(samples=-5)),
        Reason.OUT_OF_BOUNDS,
    ),
    "from-the-future": (
        told("from-the-future", schema_version="2.0", expert_insights=["of", "another", "form"]),
        Reason.SCHEMA_VERSION,
    ),
    "two-megabytes": (told("two-megabytes", note="x" * 2_000_000), Reason.TOO_LARGE),
    "short-slopes": (
        told("short-slopes", expert_insights=one_expert(slopes=[1, 2])),
        Reason.BAD_SLOPES,
    ),
}


async def publish(address: str, *outgoing: Outgoing) -> None:
    await until_there(address, TOPIC)
    async with KafkaBroker(KafkaSettings(address)) as broker:
        await broker.publish(*outgoing)
    await until_folded(address, TOPIC)


async def dead_letters_of(address: str, key: bytes | None) -> list[Record]:
    async with KafkaBroker(KafkaSettings(address)) as broker:
        letters = await broker.read_all(DEAD_LETTERS)
    return [
        letter
        for letter in letters
        if letter.key == key and dict(letter.headers)["dl_topic"] == TOPIC.encode()
    ]


async def remembered(address: str, client: str) -> ClientMemory:
    async with KafkaBroker(KafkaSettings(address)) as broker:
        records = await broker.read_all(GLOBAL_MEMORY)
    key = memory_key(DOMAIN, client)
    return decode_json([r.value for r in records if r.key == key][-1], ClientMemory)


@pytest.mark.parametrize("client", CASES)
async def test_a_bad_record_is_parked_with_its_reason_and_the_stream_goes_on(
    client: str, kafka_address: str, memory: subprocess.Popen[bytes]
) -> None:
    bad, reason = CASES[client]
    key = client.encode()
    first = Outgoing(TOPIC, key, told(client))
    headers = (("traceparent", b"00-1-2-01"),)
    await publish(kafka_address, first, Outgoing(TOPIC, key, bad, headers), first)
    (letter,) = await dead_letters_of(kafka_address, key)
    found = dict(letter.headers)
    assert found["dl_reason"].decode() == reason
    assert found["dl_stage"] == b"memory.admission"
    assert found["traceparent"] == b"00-1-2-01"
    assert letter.value == bad
    kept = await remembered(kafka_address, client)
    assert (kept.accepted, kept.rejected, kept.duplicates) == (2, 1, 0)
    assert memory.poll() is None


async def test_a_record_with_neither_key_nor_value_is_parked_with_an_empty_value(
    kafka_address: str, memory: subprocess.Popen[bytes]
) -> None:
    """aiokafka's `send` refuses such a record; other clients, and its batches, do not."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka_address)
    await producer.start()
    batch = producer.create_batch()
    batch.append(timestamp=None, key=None, value=None)
    await (await producer.send_batch(batch, TOPIC, partition=0))
    await producer.stop()
    await until_folded(kafka_address, TOPIC)
    (letter,) = await dead_letters_of(kafka_address, None)
    assert dict(letter.headers)["dl_reason"].decode() == Reason.EMPTY
    assert letter.value == b""


async def test_a_repeated_and_an_older_sequence_are_counted_and_not_parked(
    kafka_address: str, memory: subprocess.Popen[bytes]
) -> None:
    spoken = [told("again", sequence=number, avg_loss=number) for number in (3, 4, 4, 3, 5)]
    await publish(kafka_address, *(Outgoing(TOPIC, b"again", value) for value in spoken))
    kept = await remembered(kafka_address, "again")
    assert (kept.accepted, kept.rejected, kept.duplicates) == (3, 0, 2)
    assert kept.latest.avg_loss == 5
    assert await dead_letters_of(kafka_address, b"again") == []
