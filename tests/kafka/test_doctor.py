import json

import pytest

from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.cli import main
from scarcity.doctor.cluster import newest_append_ms
from scarcity.events.topics import insights_topic
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka


def test_it_finds_the_broker_and_its_topics(
    own_kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", "--json", "--bootstrap-servers", own_kafka.bootstrap_servers])
    found = {f["check"]: f for f in json.loads(capsys.readouterr().out)}
    assert code == 0
    assert found["broker"]["verdict"] == "ok"
    assert found["topics"]["verdict"] == "ok"
    assert set(found) == {
        "python",
        "packages",
        "java",
        "ports",
        "disk",
        "broker",
        "topics",
        "clock",
    }


async def test_the_clock_is_the_broker_s(kafka_address: str, fresh_topics) -> None:
    topic = insights_topic(fresh_topics("doctor"))
    settings = KafkaSettings(kafka_address)
    assert await newest_append_ms(settings, [topic]) is None
    async with KafkaBroker(settings) as broker:
        await broker.publish(Outgoing(topic, b"client", b"{}"))
        (record,) = await broker.read_all(topic)
    assert await newest_append_ms(settings, [topic, "no-such-topic"]) == record.timestamp_ms
