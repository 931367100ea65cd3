"""`scarcity dead-letters` over a real broker: a client is admitted once its domain exists."""

from collections.abc import Callable

import orjson
import pytest
from tests.dead_letters.letters import parked
from tests.kafka.command_line import scarcity

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import DEAD_LETTERS, insights_topic
from scarcity.events.types import Outgoing

pytestmark = pytest.mark.kafka


async def test_letters_are_listed_shown_and_sent_again(
    kafka_address: str, fresh_topics: Callable[[str], str]
) -> None:
    domain = fresh_topics("parked")
    topic = insights_topic(domain)
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        for client in (b"a", b"b"):
            letter = parked(topic=topic, key=client, value=b'{"of": "' + client + b'"}')
            await broker.publish(Outgoing(DEAD_LETTERS, client, letter.value, letter.headers))
        of_domain = ("--domain", domain)
        told = orjson.loads(
            await scarcity(kafka_address, "dead-letters", "list", *of_domain, "--json")
        )
        assert (told["admitted"], told["by_reason"]) == (2, {"malformed": 2})
        (place,) = [x["place"] for x in told["letters"] if x["client"] == "b"]
        shown = await scarcity(kafka_address, "dead-letters", "show", place)
        assert '{"of": "b"}' in shown
        assert f"{topic}[2]@100" in shown
        words = ("dead-letters", "requeue", *of_domain, "--client", "b")
        assert "would send" in await scarcity(kafka_address, *words, "--dry-run")
        assert await broker.read_all(topic) == []
        assert f"sent {place} to {topic}" in await scarcity(kafka_address, *words)
        (record,) = await broker.read_all(topic)
        assert (record.key, record.value) == (b"b", b'{"of": "b"}')
        assert dict(record.headers)["requeued_from"] == place.encode()


async def test_a_place_without_letter_is_one_line_and_exit_code_2(
    kafka_address: str,
) -> None:
    await scarcity(kafka_address, "dead-letters", "show", "0@999999", code=2)
    await scarcity(kafka_address, "dead-letters", "requeue", code=2)
