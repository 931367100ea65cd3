"""A client that floods its topic is slowed down by the broker, and the others go on."""

import time
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.kafka.secured import TOPICS_FILE, Secured

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka
FLOOD_RECORDS, RECORD = 600, bytes(100_000)  # 60 MB; the quota is 1 MiB a second


class Throttled:
    """A producer and what the broker says of it."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.told_ms: list[float] = []
        self.failed: list[Any] = []
        self.acknowledged = 0
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "log_level": 0,
                "throttle_cb": lambda event: self.told_ms.append(1000 * event.throttle_time),
                "queue.buffering.max.kbytes": 100_000,
                "batch.size": 1_000_000,
                **settings.security.librdkafka_options(),
            }
        )

    def send(self, records: int) -> None:
        for _ in range(records):
            self._producer.produce(self._topic, RECORD, on_delivery=self._note)
            self._producer.poll(0)

    def poll_until_throttled(self, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while not self.told_ms and time.monotonic() < end:
            self._producer.poll(0.1)

    def give_up(self) -> None:
        self._producer.purge()
        self._producer.flush(1)

    def _note(self, error: Any, _record: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed.append(error)


async def test_a_flooding_client_is_throttled_and_cannot_starve_others(secured: Secured) -> None:
    limits = load_topics(TOPICS_FILE).quotas["client"]
    assert limits["producer_byte_rate"] == 1 << 20
    flood = Throttled(secured.settings("client-a"), "insights.economic")
    try:
        flood.send(FLOOD_RECORDS)
        flood.poll_until_throttled(60)
        assert flood.told_ms, "the broker did not throttle"
        assert max(flood.told_ms) > 0
        # While it is held back, the other domain's client and the services are served.
        async with (
            KafkaBroker(secured.settings("client-b")) as other,
            KafkaBroker(secured.settings("memory")) as memory,
        ):
            await other.publish(Outgoing("insights.medical", b"client-b", b"{}"))
            await memory.publish(Outgoing("global-memory", b"medical/client-b", b"{}"))
        assert flood.acknowledged < FLOOD_RECORDS
    finally:
        flood.give_up()


def test_the_quotas_of_every_client_are_those_of_topics_yaml(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert secured.topics(monkeypatch, "drift") == 0, capsys.readouterr().out
    assert TopicAdmin(secured.by_certificate("admin")).live()
