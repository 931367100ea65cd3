"""The behaviour suite over a real Kafka, and what only a real Kafka does."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from tests.broker.behaviour import BrokerBehaviour, closing, take, take_to_mark

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker, follow, latest_by_key
from scarcity.broker.plan import Grow, Plan
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import BrokerError
from scarcity.events.topics import gossip_topic, insights_topic
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka


@pytest.fixture
async def broker(kafka_address: str) -> AsyncIterator[KafkaBroker]:
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        yield broker


@pytest.fixture
def domain(fresh_topics: Callable[[str], str]) -> str:
    return fresh_topics("behaviour")


@pytest.fixture
def topic(domain: str) -> str:
    return gossip_topic(domain)


@pytest.fixture
def other_topic(domain: str) -> str:
    return insights_topic(domain)


class TestKafkaBroker(BrokerBehaviour):
    pass


async def test_a_topic_that_does_not_exist_is_told_with_what_to_do(broker: KafkaBroker) -> None:
    with pytest.raises(BrokerError, match="scarcity topics apply"):
        await broker.publish(Outgoing("no-such-topic", b"a", b"1"))
    with pytest.raises(BrokerError, match=r"no-such-topic.*scarcity topics apply"):
        await broker.read_all("no-such-topic")


async def test_a_record_above_the_limit_of_its_topic_is_refused(
    broker: KafkaBroker, topic: str
) -> None:
    with pytest.raises(BrokerError, match=r"max\.message\.bytes"):
        await broker.publish(Outgoing(topic, b"a", bytes(2 << 20)))


async def test_an_insight_above_the_limit_of_events_still_arrives_to_be_parked(
    broker: KafkaBroker, other_topic: str
) -> None:
    await broker.publish(Outgoing(other_topic, b"a", bytes(2 << 20)))
    assert [len(r.value or b"") for r in await broker.read_all(other_topic)] == [2 << 20]


async def test_aborted_records_are_never_seen_and_open_ones_are_waited_for(
    kafka_address: str, broker: KafkaBroker, topic: str
) -> None:
    settings = KafkaSettings(kafka_address)
    producer = AIOKafkaProducer(**settings.producer_options(), transactional_id=f"t-{topic}")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, key=b"a", value=b"aborted")
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(topic, key=b"a", value=b"committed")
        reading = asyncio.create_task(broker.read_all(topic))
        done, _ = await asyncio.wait([reading], timeout=0.5)
        assert not done  # the record below the high watermark is neither in nor out yet
        await producer.commit_transaction()
        assert [r.value for r in await reading] == [b"committed"]
    finally:
        await producer.stop()


async def test_latest_by_key_is_the_compacted_view(
    kafka_address: str, broker: KafkaBroker, topic: str
) -> None:
    await broker.publish(
        Outgoing(topic, b"a", b"1", partition=0),
        Outgoing(topic, b"a", b"2", partition=0),
        Outgoing(topic, b"b", b"3", partition=1),
        Outgoing(topic, b"c", b"4", partition=2),
        Outgoing(topic, b"c", None, partition=2),
    )
    settings = KafkaSettings(kafka_address)
    latest = await latest_by_key(settings, topic)
    assert {key: record.value for key, record in latest.items()} == {b"a": b"2", b"b": b"3"}
    assert set(await latest_by_key(settings, topic, [1])) == {b"b"}
    with pytest.raises(BrokerError, match="has no partition 7"):
        await latest_by_key(settings, topic, [0, 7])


async def test_following_can_start_at_any_offset(
    kafka_address: str, broker: KafkaBroker, topic: str
) -> None:
    await broker.publish(*[Outgoing(topic, b"a", b"%d" % i, partition=1) for i in range(5)])
    settings = KafkaSettings(kafka_address)
    start = {TopicPartition(topic, 1): 3}
    async with closing(follow(settings, [topic], partitions=[1], start=start)) as batches:
        assert [r.value for r in await take_to_mark(batches)] == [b"3", b"4"]


async def test_a_pattern_finds_topics_that_are_made_later(
    kafka_address: str, broker: KafkaBroker, fresh_topics: Callable[[str], str]
) -> None:
    settings = KafkaSettings(kafka_address)
    pattern = r"^insights\.later-.*"
    async with closing(follow(settings, [pattern], discover_s=0.2)) as stream:
        assert await take_to_mark(stream) == []
        domain = fresh_topics("later")
        await broker.publish(Outgoing(insights_topic(domain), b"a", b"1"))
        assert [r.position.topic for r in await take(stream, 1)] == [insights_topic(domain)]


async def test_partitions_that_are_added_are_followed_and_nothing_comes_twice(
    kafka_address: str, broker: KafkaBroker, topic: str
) -> None:
    await broker.publish(Outgoing(topic, b"a", b"1", partition=0))
    settings = KafkaSettings(kafka_address)
    async with closing(follow(settings, [topic], discover_s=0.2)) as stream:
        assert len(await take_to_mark(stream)) == 1
        TopicAdmin(settings).apply(Plan((Grow(topic, 3, 4),)))
        async with KafkaBroker(settings) as other:
            await other.publish(Outgoing(topic, b"a", b"2", partition=3))
        assert [r.position[1:] for r in await take(stream, 1)] == [(3, 0)]


async def test_a_stream_and_a_producer_survive_a_broker_that_is_killed(
    own_kafka: EmbeddedKafka,
) -> None:
    topic = insights_topic("economic")
    async with KafkaBroker(KafkaSettings(own_kafka.bootstrap_servers)) as broker:
        await broker.publish(Outgoing(topic, b"a", b"1"))
        async with closing(broker.stream(topic)) as stream:
            assert len(await take_to_mark(stream)) == 1
            await asyncio.to_thread(own_kafka.kill)
            publishing = asyncio.create_task(broker.publish(Outgoing(topic, b"a", b"2")))
            await asyncio.to_thread(own_kafka.start)
            await publishing
            assert [r.value for r in await take(stream, 1)] == [b"2"]
        assert [r.value for r in await broker.read_all(topic)] == [b"1", b"2"]


async def test_a_broker_that_is_down_at_the_start_is_waited_for_with_one_line(
    own_kafka: EmbeddedKafka, caplog: pytest.LogCaptureFixture
) -> None:
    address = own_kafka.bootstrap_servers
    await asyncio.to_thread(own_kafka.stop)

    async def publish() -> None:
        async with KafkaBroker(KafkaSettings(address), "late") as broker:
            await broker.publish(Outgoing("clients", b"a", b"1"))

    publishing = asyncio.create_task(publish())
    while "trying again" not in caplog.text:
        await asyncio.sleep(0.05)
    await asyncio.to_thread(own_kafka.start)
    await publishing
    said = [r.getMessage() for r in caplog.records if r.name.startswith("scarcity.")]
    assert len(said) == 2
    assert "scarcity broker start" in said[0]
    assert said[1] == "producer late: the broker answers again"
