"""Where a replay begins: at the first entry, or at the last checkpoint before what is asked for."""

from collections.abc import Sequence

from scarcity.audit.chain import Link
from scarcity.audit.replaying import Replay
from scarcity.events.errors import InputError


def links_from(
    replay: Replay, chain: Sequence[Link], wanted: Sequence[Link], index: int, *, checkpoint: bool
) -> list[Link]:
    """The wanted entries that are still to be stepped.

    Args:
        index: of the first entry that is asked for.
        checkpoint: begin at the last checkpoint before it.

    Raises:
        InputError: there is none.
    """
    if not checkpoint:
        return list(wanted)
    begin = begin_before(replay, chain, index)
    return [link for link in wanted if link.index > begin.index]


def begin_before(replay: Replay, links: Sequence[Link], index: int) -> Link:
    """Begin a replay at the last checkpoint before an entry.

    Raises:
        InputError: there is none.
    """
    for link in reversed(links[:index]):
        if link.entry.checkpoint and replay.begin_at(link):
            return link
    raise InputError(
        "no checkpoint lies before what is asked for, or `checkpoints` keeps none: leave out "
        "--from-checkpoint"
    )
