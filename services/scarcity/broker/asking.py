"""One question to a broker, in Kafka's own protocol."""

from typing import Any

from aiokafka.client import AIOKafkaClient

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import kafka_errors
from scarcity.broker.settings import KafkaSettings


async def ask(settings: KafkaSettings, request: Any, doing: str) -> Any:
    """The answer of any broker to an aiokafka request, over a connection of its own.

    Raises:
        BrokerError: the broker refused or does not answer.
    """
    client = AIOKafkaClient(**settings.client_options())
    try:
        await start_with_backoff(client.bootstrap, doing, settings)
        with kafka_errors(doing):
            return await client.send(client.get_random_node(), request)
    finally:
        await client.close()
