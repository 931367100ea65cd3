import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
import pytest

from scarcity.dashboard.deltas import apply
from scarcity.dashboard.hub import KEPT_CHANGES, KEPT_S, MAX_CHANNELS, FullError, Hub
from scarcity.dashboard.pages.common import Document, Question

Reader = aclosing[AsyncGenerator[bytes, None]]
OVERVIEW = Question("overview")


class World:
    """A hub over one document that the test changes."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.made = 0
        self.document: Document = {"n": 0}
        self.hub = Hub(self.make, lambda: self.document["n"], "abc")

    def make(self, _question: Question) -> Document:
        self.made += 1
        return dict(self.document)

    def put(self, n: int) -> None:
        self.document = {"n": n}
        self.now_s += 1
        self.hub.tick(self.now_s)

    def read(self, last: str = "", question: Question = OVERVIEW) -> Reader:
        return aclosing(self.hub.read(question, last, lambda: self.now_s))


def parsed(event: bytes) -> tuple[str, str, Document]:
    fields = dict(line.split(b": ", 1) for line in event.strip().split(b"\n"))
    return fields[b"id"].decode(), fields[b"event"].decode(), orjson.loads(fields[b"data"])


async def test_a_reader_gets_the_whole_and_then_changes() -> None:
    world = World()
    async with world.read() as events:
        _, kind, document = parsed(await anext(events))
        assert (kind, document) == ("whole", {"n": 0})
        world.put(1)
        _, kind, what = parsed(await anext(events))
        assert (kind, apply(document, what)) == ("change", {"n": 1})


async def test_a_page_is_made_once_for_all_that_watch_it() -> None:
    world = World()
    async with world.read() as one, world.read() as other:
        await anext(one)
        await anext(other)
        world.put(1)
        assert await anext(one) == await anext(other)
        assert world.made == 2


async def test_what_did_not_change_is_neither_made_nor_sent() -> None:
    world = World()
    async with world.read() as events:
        await anext(events)
        world.put(0)
        world.put(0)
        assert world.made == 2  # the first look after the first document, and no more
        coming = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert not coming.done()
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_one_who_comes_back_gets_what_it_missed() -> None:
    world = World()
    async with world.read() as events, world.read() as other:
        last, _, _ = parsed(await anext(events))
        await anext(other)
        world.put(1)
        world.put(2)
        async with world.read(last) as again:
            assert [parsed(await anext(again))[2] for _ in range(2)] == [
                {"m": {"n": {"v": 1}}},
                {"m": {"n": {"v": 2}}},
            ]


@pytest.mark.parametrize("last", ["other-1", "abc-99", "abc-x", "nonsense", "abc--1"])
async def test_a_number_that_means_nothing_here_gets_the_whole(last: str) -> None:
    world = World()
    async with world.read(last) as events:
        assert parsed(await anext(events))[1] == "whole"


async def test_a_slow_reader_gets_the_whole_and_costs_no_more_than_a_quick_one() -> None:
    world = World()
    async with world.read() as slow:
        await anext(slow)
        for n in range(1, 3 * KEPT_CHANGES):
            world.put(n)
        _, kind, document = parsed(await anext(slow))
        assert (kind, document) == ("whole", {"n": 3 * KEPT_CHANGES - 1})


async def test_a_page_that_nobody_watches_is_let_go_after_a_while() -> None:
    world = World()
    async with world.read() as events:
        await anext(events)
    world.put(1)
    made = world.made
    world.now_s += KEPT_S + 1
    world.put(2)
    world.put(3)
    assert world.made == made


async def test_pages_are_bounded_and_say_so() -> None:
    world = World()
    readers = [
        world.hub.read(Question("client", (("client", str(n)),)), "", lambda: 0.0)
        for n in range(MAX_CHANNELS)
    ]
    for reader in readers:
        await anext(reader)
    with pytest.raises(FullError):
        await anext(world.hub.read(OVERVIEW, "", lambda: 0.0))
    await readers[0].aclose()
    async with world.read() as events:
        assert parsed(await anext(events))[1] == "whole"
    for reader in readers:
        await reader.aclose()


async def test_streams_end_when_the_server_stops() -> None:
    world = World()
    async with world.read() as events:
        await anext(events)
        coming = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        world.hub.close()
        with pytest.raises(StopAsyncIteration):
            await coming
