"""Where a time lies in topics: the first offset at or after it, of each partition."""

import re
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from scarcity.broker.backoff import start_with_backoff
from scarcity.broker.errors import kafka_errors
from scarcity.broker.settings import KafkaSettings


async def offsets_at(
    settings: KafkaSettings, topics: Sequence[str], at_ms: int
) -> dict[TopicPartition, int]:
    """First offsets at or after a time; the end of a partition that has no such record.

    Args:
        topics: names; one that begins with ``^`` is a pattern. One that does not exist is left out.
        at_ms: ms since 1970, compared with the records' own timestamps.

    Raises:
        BrokerError: the broker refused.
    """
    what = f"look for a time in {', '.join(topics)}"
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    await start_with_backoff(consumer.start, what, settings)
    try:
        with kafka_errors(what):
            patterns = [re.compile(t if t.startswith("^") else re.escape(t) + "$") for t in topics]
            found = [
                TopicPartition(topic, number)
                for topic in sorted(await consumer.topics())
                if any(pattern.match(topic) for pattern in patterns)
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            if not found:
                return {}
            at = await consumer.offsets_for_times(dict.fromkeys(found, at_ms))
            ends = await consumer.end_offsets(found)
    finally:
        await consumer.stop()
    return {tp: ends[tp] if at[tp] is None else at[tp].offset for tp in found}
