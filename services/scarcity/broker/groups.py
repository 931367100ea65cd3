"""How far consumer groups have come, and how many workers they have."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import to_broker_error
from scarcity.broker.settings import KafkaSettings

GROUP_ID_NOT_FOUND = 69


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


async def read_lag(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, groups: Collection[str]
) -> dict[tuple[str, str], int]:
    """Records that groups are behind the end of each topic, by (group, topic).

    Groups that the broker does not know, or does not show, are left out.
    """
    lag: dict[tuple[str, str], int] = {}
    known = {name for name, _ in await admin.list_consumer_groups()}
    for group in sorted(known.intersection(groups)):
        committed = await admin.list_consumer_group_offsets(group)
        if not committed:
            continue
        ends = await consumer.end_offsets(list(committed))
        for partition, position in committed.items():
            key = (group, partition.topic)
            behind = max(0, ends[partition] - max(0, position.offset))
            lag[key] = lag.get(key, 0) + behind
    return lag


async def count_members(admin: AIOKafkaAdminClient, groups: Collection[str]) -> dict[str, int]:
    """Workers in each group; 0 for one that the broker does not know, none it does not show."""
    counted = {}
    for name in groups:
        # One at a time: aiokafka 0.14 reads an answer of version 3 as one of version 2, so that
        # each group after the first begins four bytes too early.
        for response in await admin.describe_consumer_groups([name]):
            for error_code, group, _state, _type, _protocol, members in response.groups:
                if error_code in (0, GROUP_ID_NOT_FOUND):
                    counted[group] = len(members)
    return counted


async def read_once(
    settings: KafkaSettings, groups: Collection[str]
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Lag and members of groups, as :func:`read_lag` and :func:`count_members` tell them.

    Both are empty while the broker cannot tell, e.g. on a cluster that has had no group yet.

    Raises:
        BrokerError: the broker refused for good.
    """
    admin = AIOKafkaAdminClient(**settings.client_options())
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    try:
        await start_with_backoff(admin.start, "read the lag of consumer groups", settings)
        await start_with_backoff(consumer.start, "read the lag of consumer groups", settings)
        return await read_lag(admin, consumer, groups), await count_members(admin, groups)
    except KafkaError as error:
        if not error.retriable:
            raise to_broker_error(error, "read the lag of consumer groups") from error
        return {}, {}
    finally:
        await consumer.stop()
        await admin.close()
