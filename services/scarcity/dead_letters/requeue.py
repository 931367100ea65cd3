"""A dead letter back as the record it was. Pure.

Only topics that clients and operators write are sent to: what a service derives (`global-memory`,
`meta-parameters`, …) it derives again from these, and another writer would break its order.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from scarcity.dead_letters.letter import REQUEUED, Letter
from scarcity.events.topics import CLIENTS, DOMAINS, INSIGHTS_PREFIX
from scarcity.events.types import Outgoing, Record

COMPACTED_TOPICS: Final = (CLIENTS, DOMAINS)  # of a key only the newest record counts


def original_record(letter: Letter) -> Outgoing:
    """The original: its bytes, key and headers, and one header that names the letter.

    The key chooses the partition, as for the sender.

    Raises:
        ValueError: :func:`obstacle` has something to say.
    """
    if letter.source is None or (why := obstacle(letter)):
        raise ValueError(why)
    headers = tuple((name, value) for name, value in letter.headers if name != REQUEUED)
    return Outgoing(
        letter.source.topic, letter.key, letter.value, (*headers, (REQUEUED, letter.name.encode()))
    )


def obstacle(letter: Letter) -> str:
    """Why a letter cannot be sent again; empty when it can."""
    if letter.source is None:
        return "it does not say which topic it came from"
    topic = letter.source.topic
    if topic in COMPACTED_TOPICS or topic.startswith(INSIGHTS_PREFIX):
        return ""
    return f"{topic} is written by its service alone: requeue what it was made from"


def is_superseded(letter: Letter, latest: Mapping[bytes, Record]) -> bool:
    """Whether something newer lies under the key, which the old bytes would replace.

    Args:
        latest: of a compacted topic, the last record of each key.
    """
    newest = latest.get(letter.key or b"")
    source = letter.source
    if newest is None or source is None:
        return False
    return newest.position != source


def refusals(
    letters: Iterable[Letter],
    latest: Mapping[str, Mapping[bytes, Record]],
    came_back: Collection[str] = (),
) -> dict[str, str]:
    """Why letters stay where they are, by place; those that can be sent are left out.

    Args:
        latest: of each compacted topic among their sources, the last record of each key.
        came_back: places of letters that were sent again before and refused again.
    """
    told: dict[str, str] = {}
    for letter in letters:
        if why := obstacle(letter):
            told[letter.name] = why
        elif letter.name in came_back:
            told[letter.name] = "it was sent again before and came back as a newer letter"
        elif letter.source and is_superseded(letter, latest.get(letter.source.topic, {})):
            told[letter.name] = f"{letter.source.topic} holds a newer record of its key"
    return told
