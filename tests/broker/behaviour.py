"""What every broker must do, written once: run over real Kafka and over the in-process log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from scarcity.broker.protocol import Broker
from scarcity.events.types import Outgoing, Record

LIMIT_S = 60  # only to end a test that hangs


async def take(stream: AsyncIterator[list[Record]], count: int) -> list[Record]:
    """The next ``count`` records of a stream."""
    taken: list[Record] = []
    async with asyncio.timeout(LIMIT_S):
        while len(taken) < count:
            taken += await anext(stream)
    return taken


async def take_to_mark(stream: AsyncIterator[list[Record]]) -> list[Record]:
    """All records up to the empty batch that marks the first end."""
    taken: list[Record] = []
    async with asyncio.timeout(LIMIT_S):
        while batch := await anext(stream):
            taken += batch
    return taken


def closing(stream: AsyncIterator[list[Record]]) -> Any:
    return aclosing(stream)  # type: ignore[type-var]


class BrokerBehaviour:
    """Inherit it as `class Test…` and give the fixtures `broker`, `topic` and `other_topic`.

    Both topics are empty and have three partitions; `other_topic` is not compacted.
    """

    async def test_one_key_keeps_its_order(self, broker: Broker, topic: str) -> None:
        for loss in (b"0.9", b"0.7", b"0.6"):
            await broker.publish(Outgoing(topic, b"retail", loss))
        assert [r.value for r in await broker.read_all(topic)] == [b"0.9", b"0.7", b"0.6"]

    async def test_one_call_keeps_the_order_of_each_key(self, broker: Broker, topic: str) -> None:
        sent = [Outgoing(topic, b"%d" % (i % 7), b"%d" % i) for i in range(140)]
        await broker.publish(*sent)
        read = await broker.read_all(topic)
        for key in {out.key for out in sent}:
            assert [r.value for r in read if r.key == key] == [
                out.value for out in sent if out.key == key
            ]

    async def test_one_key_stays_in_one_partition(self, broker: Broker, topic: str) -> None:
        await broker.publish(*[Outgoing(topic, b"retail", b"%d" % i) for i in range(5)])
        assert len({r.position.partition for r in await broker.read_all(topic)}) == 1

    async def test_a_given_partition_is_used_and_counts_its_own_offsets(
        self, broker: Broker, topic: str
    ) -> None:
        await broker.publish(*[Outgoing(topic, b"a", b"", partition=p) for p in (2, 0, 2)])
        positions = [r.position[1:] for r in await broker.read_all(topic)]
        assert positions == [(0, 0), (2, 0), (2, 1)]

    async def test_a_partition_that_does_not_exist_is_the_callers_mistake(
        self, broker: Broker, topic: str
    ) -> None:
        with pytest.raises(ValueError, match="partition"):
            await broker.publish(Outgoing(topic, b"a", b"1", partition=99))

    async def test_a_replay_repeats_positions_and_tombstones(
        self, broker: Broker, topic: str
    ) -> None:
        await broker.publish(Outgoing(topic, b"retail", b"0.9"))
        await broker.publish(Outgoing(topic, b"retail", None))
        first, second = await broker.read_all(topic), await broker.read_all(topic)
        assert first == second
        assert first[-1].value is None

    async def test_keys_values_and_headers_come_back_as_they_were(
        self, broker: Broker, topic: str
    ) -> None:
        headers = (("ce_id", b"1"), ("x", b""), ("ce_id", b"\xff"))
        await broker.publish(Outgoing(topic, b"\x00\xff", b"", headers))
        (read,) = await broker.read_all(topic)
        assert (read.key, read.value, read.headers) == (b"\x00\xff", b"", headers)

    async def test_a_record_may_have_no_key_where_nothing_is_compacted(
        self, broker: Broker, other_topic: str
    ) -> None:
        await broker.publish(Outgoing(other_topic, None, b"1"))
        assert [r.key for r in await broker.read_all(other_topic)] == [None]

    async def test_an_empty_topic_reads_as_nothing(self, broker: Broker, topic: str) -> None:
        assert await broker.read_all(topic) == []

    async def test_publishing_nothing_is_no_error(self, broker: Broker, topic: str) -> None:
        await broker.publish()
        assert await broker.read_all(topic) == []

    async def test_a_stream_says_once_when_it_has_caught_up(
        self, broker: Broker, topic: str
    ) -> None:
        await broker.publish(*[Outgoing(topic, b"%d" % i, b"before") for i in range(10)])
        async with closing(broker.stream(topic)) as stream:
            assert len(await take_to_mark(stream)) == 10
            await broker.publish(Outgoing(topic, b"a", b"after"))
            assert [r.value for r in await take(stream, 1)] == [b"after"]

    async def test_a_stream_of_an_empty_topic_catches_up_at_once(
        self, broker: Broker, topic: str
    ) -> None:
        async with closing(broker.stream(topic)) as stream:
            assert await take_to_mark(stream) == []

    async def test_a_stream_from_the_end_sees_only_what_comes_after(
        self, broker: Broker, topic: str
    ) -> None:
        await broker.publish(Outgoing(topic, b"a", b"before"))
        async with closing(broker.stream(topic, from_start=False)) as stream:
            assert await take_to_mark(stream) == []
            await broker.publish(Outgoing(topic, b"a", b"after"))
            assert [r.value for r in await take(stream, 1)] == [b"after"]

    async def test_a_stream_follows_several_topics(
        self, broker: Broker, topic: str, other_topic: str
    ) -> None:
        await broker.publish(Outgoing(topic, b"a", b"1"), Outgoing(other_topic, b"a", b"2"))
        async with closing(broker.stream(topic, other_topic)) as stream:
            assert {r.position.topic for r in await take_to_mark(stream)} == {topic, other_topic}

    async def test_two_streams_each_see_everything(self, broker: Broker, topic: str) -> None:
        async with closing(broker.stream(topic)) as one, closing(broker.stream(topic)) as two:
            await take_to_mark(one)
            await take_to_mark(two)
            await broker.publish(Outgoing(topic, b"a", b"1"))
            assert await take(one, 1) == await take(two, 1)
