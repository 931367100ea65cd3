"""Letters from the broker: the newest that a selection admits, or one by its place."""

from collections import deque
from contextlib import aclosing
from typing import NamedTuple

from aiokafka import TopicPartition

from scarcity.broker.following import follow
from scarcity.broker.settings import KafkaSettings
from scarcity.dead_letters.letter import Letter
from scarcity.dead_letters.selection import Selection
from scarcity.events.errors import InputError
from scarcity.events.topics import DEAD_LETTERS
from scarcity.events.types import Position


class Found(NamedTuple):
    """Letters of one reading.

    Attributes:
        newest: at most as many as asked for; the newest of them last.
        admitted: how many the selection admits.
        by_reason: of all that it admits.
        came_back: places of letters that were sent again and refused again, admitted or not.
    """

    newest: list[Letter]
    admitted: int
    by_reason: dict[str, int]
    came_back: frozenset[str]


async def read_letters(settings: KafkaSettings, selection: Selection, limit: int | None) -> Found:
    """Read the topic to its end.

    Args:
        limit: letters kept; None: all.

    Raises:
        BrokerError: the topic does not exist, or the broker refused.
    """
    kept: deque[Letter] = deque(maxlen=limit)
    by_reason: dict[str, int] = {}
    came_back: set[str] = set()
    async with aclosing(follow(settings, [DEAD_LETTERS])) as batches:
        async for batch in batches:
            if not batch:
                break
            for letter in map(Letter.of, batch):
                came_back.add(letter.requeued_from)
                if not selection.admits(letter):
                    continue
                kept.append(letter)
                by_reason[letter.reason] = by_reason.get(letter.reason, 0) + 1
    newest = sorted(kept, key=lambda letter: (letter.parked_at_ms, letter.place))
    return Found(
        newest, sum(by_reason.values()), dict(sorted(by_reason.items())), frozenset(came_back)
    )


async def read_letter(settings: KafkaSettings, place: Position) -> Letter:
    """The letter at a place.

    Raises:
        InputError: there is none (any more).
        BrokerError: the partition does not exist, or the broker refused.
    """
    start = {TopicPartition(place.topic, place.partition): place.offset}
    reading = follow(settings, [place.topic], partitions=[place.partition], start=start)
    async with aclosing(reading) as batches:
        async for batch in batches:
            if batch and batch[0].position.offset == place.offset:
                return Letter.of(batch[0])
            break
    raise InputError(
        f"{place.partition}@{place.offset}: there is no such dead letter (any more): "
        "`scarcity dead-letters list` shows those that are kept"
    )
