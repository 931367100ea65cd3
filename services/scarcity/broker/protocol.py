"""What a broker must do for us: three methods, met by real Kafka and by the in-process log."""

from collections.abc import AsyncIterator
from typing import Protocol

from scarcity.events.types import Outgoing, Record


class Broker(Protocol):
    """An append-only log of partitioned topics. tests/broker/behaviour.py says what holds."""

    async def publish(self, *outgoing: Outgoing) -> None:
        """Append records; return once all are acknowledged.

        Records of one partition keep the order they are given in; no two partitions are in step.

        Raises:
            BrokerError: a record was refused, e.g. as its topic does not exist.
            ValueError: a topic has no such partition (the caller's mistake).
        """
        ...

    async def read_all(self, topic: str) -> list[Record]:
        """Committed records up to the high watermark of this call, by (partition, offset).

        Raises:
            BrokerError: the topic does not exist.
        """
        ...

    def stream(self, *topics: str, from_start: bool = True) -> AsyncIterator[list[Record]]:
        """Batches of committed records, for ever, without a consumer group.

        A batch is empty once: when all that was there at the start has been handed out.

        Args:
            topics: names.
            from_start: False: only what is published after the empty batch is seen for sure.
        """
        ...
