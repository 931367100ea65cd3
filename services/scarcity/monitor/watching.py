"""Follows every topic into a SystemView, and shows it on a terminal or in lines of a log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from scarcity.events.topics import GOSSIP_PREFIX, INSIGHTS_PREFIX
from scarcity.events.types import Record
from scarcity.monitor.screen import live_view, log_line
from scarcity.monitor.view import FIXED_TOPICS, SystemView

WATCHED_TOPICS = (
    *FIXED_TOPICS,
    f"^{INSIGHTS_PREFIX[:-1]}\\..*",
    f"^{GOSSIP_PREFIX[:-1]}\\..*",
)
# Nobody sees less than this; a pause lets records gather, which saves most of a reader's time.
PAUSE_S = 0.25
LARGE_BATCH = 1000


async def fold_topics(
    batches: AsyncIterator[list[Record]],
    view: SystemView,
    *,
    caught_up: asyncio.Event | None = None,
    pause_s: float = PAUSE_S,
) -> None:
    """Fold batches for ever; the empty one says that the view has caught up.

    Args:
        caught_up: set when what was there at the start has been folded.
        pause_s: rest after a small batch, s.
    """
    async for batch in batches:
        view.fold(batch)
        if not batch and caught_up is not None:
            caught_up.set()
        await asyncio.sleep(0 if len(batch) >= LARGE_BATCH else pause_s)


class Display:
    """Shows a view: in place on a terminal, else as a line every ``line_every_s`` seconds.

    Args:
        now_ms: current time, ms since 1970.
        goal: rounds a domain is to reach; 0: endless.
    """

    def __init__(
        self,
        view: SystemView,
        console: Console,
        now_ms: Callable[[], int],
        *,
        goal: int = 0,
        line_every_s: float = 5.0,
    ) -> None:
        self._view = view
        self._console = console
        self._now_ms = now_ms
        self._goal = goal
        self._line_every_ms = line_every_s * 1000
        self._last_line_ms: int | None = None
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, status: str = "") -> None:
        """Show the view as it is now; without a terminal only when a line is due."""
        now_ms = self._now_ms()
        if self._live is not None:
            picture = live_view(self._view, now_ms, goal=self._goal, status=status)
            self._live.update(picture, refresh=True)
            return
        if self._last_line_ms is None or now_ms - self._last_line_ms >= self._line_every_ms:
            self._last_line_ms = now_ms
            line = log_line(self._view, now_ms, goal=self._goal)
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line above the live picture."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
