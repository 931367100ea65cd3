"""Counts over time in bounded memory: buckets of records' timestamps, wider as time goes on."""

from collections.abc import Sequence

LATEST_MS = 2**42  # the year 2109; a record's time may be its sender's


class Timeline:
    """Sums of some counts by bucket; when there are too many buckets, two become one.

    >>> line = Timeline(2, width_ms=1000, limit=4)
    >>> for second in range(6):
    ...     line.add(second * 1000, (1, 0))
    >>> line.width_ms, line.buckets()
    (2000, [(0, [2, 0]), (2000, [2, 0]), (4000, [2, 0])])
    """

    def __init__(self, counts: int, *, width_ms: int = 5_000, limit: int = 240) -> None:
        self.width_ms = width_ms
        self._counts = counts
        self._limit = limit
        self._sums: dict[int, list[int]] = {}

    def add(self, at_ms: int, counts: Sequence[int]) -> None:
        """Add counts at ``at_ms``; a time that cannot be is left out."""
        if not 0 <= at_ms < LATEST_MS:
            return
        sums = self._sums.setdefault(at_ms // self.width_ms, [0] * self._counts)
        for number, count in enumerate(counts):
            sums[number] += count
        while len(self._sums) > self._limit:
            self._widen()

    def _widen(self) -> None:
        self.width_ms *= 2
        wider: dict[int, list[int]] = {}
        for bucket, sums in self._sums.items():
            total = wider.setdefault(bucket // 2, [0] * self._counts)
            for number, count in enumerate(sums):
                total[number] += count
        self._sums = wider

    def buckets(self) -> list[tuple[int, list[int]]]:
        """(begin, ms since 1970; sums) of the buckets with a record, in order."""
        return [(bucket * self.width_ms, sums) for bucket, sums in sorted(self._sums.items())]
