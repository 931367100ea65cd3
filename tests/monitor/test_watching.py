import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from tests.monitor import records

from scarcity.broker.declared import load_topics
from scarcity.events.types import Record
from scarcity.monitor.view import SystemView
from scarcity.monitor.watching import WATCHED_TOPICS, Display, fold_topics


async def batches(*given: list[Record]) -> AsyncIterator[list[Record]]:
    for batch in given:
        yield batch


async def test_the_empty_batch_says_that_the_view_has_caught_up() -> None:
    view, caught_up = SystemView(), asyncio.Event()
    history = [records.ledger("retail", 1)]
    await fold_topics(batches(history), view, caught_up=caught_up, pause_s=0)
    assert not caught_up.is_set()
    await fold_topics(
        batches([records.ledger("retail", 2)], []), view, caught_up=caught_up, pause_s=0
    )
    assert caught_up.is_set()
    assert view.domains["retail"].version == 2


def test_every_topic_but_the_optimisers_own_is_watched() -> None:
    declared = load_topics(Path(__file__).parents[2] / "topics.yaml").expand()
    fixed = {name for name in declared if "." not in name}
    # The ledger tells what rulings and secure sums came to, and checkpoints hold what meta-state
    # does; credentials are the memory's own.
    left_out = {"meta-state", "checkpoints", "rulings", "secagg-rounds", "credentials"}
    assert set(WATCHED_TOPICS) - {r"^insights\..*", r"^gossip\..*"} == fixed - left_out


def shown(*, terminal: bool, at_ms: list[int]) -> str:
    """What a display prints when shown once at each of the given times."""
    view = SystemView()
    view.fold(records.a_session())
    output = io.StringIO()
    times = iter(at_ms)
    console = Console(file=output, width=140, force_terminal=terminal)
    with Display(view, console, lambda: next(times), line_every_s=5.0) as display:
        for _ in at_ms:
            display.show()
    return output.getvalue()


def test_without_a_terminal_a_line_comes_every_few_seconds() -> None:
    lines = shown(terminal=False, at_ms=[0, 500, 4_999, 5_000, 9_000]).splitlines()
    assert len(lines) == 2
    assert all("retail round 30" in line for line in lines)


def test_a_terminal_shows_the_picture_in_place() -> None:
    output = shown(terminal=True, at_ms=[0, 500])
    assert "privacy mode: open" in output
    assert "\x1b[" in output
