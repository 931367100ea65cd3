"""What the pages have in common: figures short enough to be sent, series, the state of things."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from scarcity.dashboard.board import Board
from scarcity.dashboard.clients import ClientFacts
from scarcity.monitor.domain_view import DomainView

MOST_POINTS: Final = 240  # of a series on screen
SMOOTHING: Final = 0.9  # a round in ten or so: each has other clients, whose losses differ
MAX_TEXT: Final = 120

Document = dict[str, Any]


@dataclass
class State:
    """How the process that serves the page is, beside what the topics say.

    Attributes:
        servers: of the broker.
        away_since_ms: since when the broker does not answer; 0: it does.
        trouble: why the topics cannot be read; empty: they can.
        caught_up: what was there at the start has been folded.
        behind_ms: how far the pages were behind the newest record when it was folded; None before
            any came since the start was caught up with.
        lag: records that consumer groups are behind, by (group, topic); ``workers``: by group.
        jobs: of the audit, the newest first.
    """

    servers: str = ""
    away_since_ms: int = 0
    trouble: str = ""
    caught_up: bool = False
    behind_ms: int | None = None
    lag: Mapping[tuple[str, str], int] = field(default_factory=dict)
    workers: Mapping[str, int] = field(default_factory=dict)
    jobs: Sequence[Document] = ()


@dataclass(frozen=True)
class Question:
    """Which page is asked for: ``name`` and what its address says."""

    name: str
    arguments: tuple[tuple[str, str], ...] = ()

    def get(self, key: str, default: str = "") -> str:
        """An argument."""
        return dict(self.arguments).get(key, default)

    def number(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds; the default for what is none."""
        text = self.get(key)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return default
        return min(most, max(least, int(text)))


def status(board: Board, state: State, now_ms: int) -> Document:
    """How fresh the page is; part of every document."""
    return {
        "servers": state.servers,
        "away_since_ms": state.away_since_ms,
        "trouble": state.trouble,
        "caught_up": state.caught_up,
        "records": board.records,
        "unreadable": board.unreadable,
        "behind_ms": state.behind_ms,
        # Whole seconds: a page whose figures stay as they are is told one change a second.
        "now_ms": now_ms // 1000 * 1000,
        "domains": board.names(),
    }


def short(value: float | None) -> float | None:
    """A figure with five digits; None for what JSON has no number for.

    >>> short(0.123456789), short(float("nan"))
    (0.12346, None)
    """
    return None if value is None or not isfinite(value) else float(f"{value:.5g}")


def shorts(values: Iterable[float | None]) -> list[float | None]:
    """As :func:`short`, of many."""
    return [short(value) for value in values]


def clip(text: str, most: int = MAX_TEXT) -> str:
    """A text that fits on the screen.

    >>> clip("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def spread(items: Sequence[Any], most: int = MOST_POINTS) -> list[Any]:
    """Evenly spread items, the last one always; all when there are few.

    The places stay the same while a series grows, so that only its end changes.

    >>> spread(list(range(9)), 4)
    [0, 4, 8]
    """
    step = 1
    while len(items) / step > most:
        step *= 2
    chosen = list(items[::step])
    if items and (len(items) - 1) % step:
        chosen.append(items[-1])
    return chosen


def smoothed(values: Sequence[float | None]) -> list[float | None]:
    """Exponentially weighted mean whose weights sum to one from the start; gaps stay.

    >>> smoothed([2.0, None, 2.0])
    [2.0, None, 2.0]
    """
    result: list[float | None] = []
    total = weight = 0.0
    for value in values:
        if value is None:
            result.append(None)
            continue
        total = SMOOTHING * total + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        result.append(short(total / weight))
    return result


def quantiles_ms(domain: DomainView) -> tuple[float | None, float | None]:
    """Median and 99th percentile of the time from insight to parameters, ms."""
    p50, p99 = domain.latencies.quantile(0.5), domain.latencies.quantile(0.99)
    return (
        None if p50 is None else short(p50 * 1000),
        None if p99 is None else short(p99 * 1000),
    )


def first_loss(domain: DomainView) -> float | None:
    """Mean loss of the first round that told one."""
    for _, line in domain.rounds.items():
        if line.mean_loss is not None:
            return short(line.mean_loss)
    return None


def mark_of(board: Board, client: ClientFacts) -> str:
    """By whose word a client counts no more: `check`, `operator`, `repair`; empty: it counts."""
    domain = board.domains.get(client.domain)
    return "" if domain is None else domain.marked.get(client.client_id, "")
