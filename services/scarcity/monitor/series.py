"""Figures over an endless stream in bounded memory: series, totals, rates, latencies.

A monitor runs for months; nothing here grows with the number of records.
"""

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Sequence
from math import ceil
from typing import Generic, TypeVar

T = TypeVar("T")

LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Thinned(Generic[T]):
    """A series that keeps its first and last item and, between them, evenly spread ones.

    >>> series = Thinned[str](limit=4)
    >>> for version in range(10):
    ...     series.add(version, str(version))
    >>> [x for x, _ in series.items()]
    [0, 4, 8, 9]
    """

    def __init__(self, limit: int = 512) -> None:
        self._limit = limit
        self._kept: list[tuple[int, T]] = []
        self._stride = 1
        self._added = 0
        self._last: tuple[int, T] | None = None

    def add(self, x: int, item: T) -> None:
        """Append an item at ``x`` (a version); every other kept one goes when the limit is hit."""
        self._last = (x, item)
        if self._added % self._stride == 0:
            self._kept.append(self._last)
        self._added += 1
        if len(self._kept) >= self._limit:
            self._kept = self._kept[::2]
            self._stride *= 2

    def items(self) -> list[tuple[int, T]]:
        """The kept items and the last one, in the order they came."""
        if self._last is None or self._kept[-1] is self._last:
            return list(self._kept)
        return [*self._kept, self._last]

    @property
    def last(self) -> T | None:
        """The newest item."""
        return None if self._last is None else self._last[1]


class RunningTotal:
    """Sum of many senders' running counts, each of which may start again from zero.

    At most ``limit`` senders are remembered; the total keeps what the forgotten ones added.

    >>> total = RunningTotal()
    >>> for sender, count in (("a", 2), ("b", 1), ("a", 5), ("a", 1)):
    ...     total.update(sender, count)
    >>> total.value
    7
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.value = 0
        self._limit = limit
        self._last: OrderedDict[str, int] = OrderedDict()

    def update(self, sender: str, count: int) -> None:
        """Take in a sender's running count."""
        before = self._last.pop(sender, 0)
        self.value += count - before if count >= before else count
        self._last[sender] = count
        if len(self._last) > self._limit:
            self._last.popitem(last=False)


class Rate:
    """Events a second over the last ``window_s`` seconds, from the records' own timestamps."""

    def __init__(self, window_s: int = 10) -> None:
        self._window_s = window_s
        self._counts: dict[int, int] = {}

    def add(self, at_ms: int) -> None:
        """Count an event at ``at_ms``."""
        second = at_ms // 1000
        self._counts[second] = self._counts.get(second, 0) + 1
        if len(self._counts) > 4 * self._window_s:
            newest = max(self._counts)
            self._counts = {
                s: n for s, n in self._counts.items() if s > newest - 2 * self._window_s
            }

    def per_second(self, now_ms: int) -> float:
        """Events a second in the whole seconds before ``now_ms``."""
        end = now_ms // 1000
        counted = sum(n for s, n in self._counts.items() if end - self._window_s <= s < end)
        return counted / self._window_s


class Latencies:
    """A histogram of all observations, and the exact quantiles of the newest 512."""

    def __init__(self, bounds_s: Sequence[float] = LATENCY_BOUNDS_S) -> None:
        self.bounds_s = tuple(bounds_s)
        self.counts = [0] * (len(self.bounds_s) + 1)
        self.total_s = 0.0
        self._recent: deque[float] = deque(maxlen=512)

    def observe(self, seconds: float) -> None:
        """Take in one observation; a negative one (two machines' clocks) counts as zero."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.total_s += seconds
        self._recent.append(seconds)

    def recent(self) -> list[float]:
        """The newest observations, at most 512, as they came; seconds."""
        return list(self._recent)

    def quantile(self, share: float) -> float | None:
        """Smallest recent observation that at least ``share`` of them do not exceed; seconds.

        >>> latencies = Latencies()
        >>> for ms in range(1, 101):
        ...     latencies.observe(ms / 1000)
        >>> latencies.quantile(0.5), latencies.quantile(0.99)
        (0.05, 0.099)
        """
        if not self._recent:
            return None
        ordered = sorted(self._recent)
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    def cumulative(self) -> list[tuple[str, int]]:
        """Prometheus buckets: upper bound as text, count up to it; the last is +Inf."""
        result, total = [], 0
        labels = (*(str(bound) for bound in self.bounds_s), "+Inf")
        for label, count in zip(labels, self.counts, strict=True):
            total += count
            result.append((label, total))
        return result
