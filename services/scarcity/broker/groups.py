"""How far a consumer group has come."""

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from scarcity.broker.settings import KafkaSettings


async def committed_offsets(settings: KafkaSettings, group: str) -> dict[TopicPartition, int]:
    """Committed offsets of a group, at least 0; partitions without one are left out.

    Raises:
        KafkaError: the broker refuses for good.
    """
    admin = AIOKafkaAdminClient(**settings.client_options())
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except KafkaError as error:
        if not error.retriable:
            raise
        return {}  # the first use of a group makes Kafka create its topic of offsets
    finally:
        await admin.close()
    return {tp: found.offset for tp, found in offsets.items() if found.offset >= 0}
