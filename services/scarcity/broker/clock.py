"""The wall clock of the edges; cores take time as an argument."""

import time
from collections.abc import Callable


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class SteadyClock:
    """Wall time that never goes back, and is never behind what the broker has stamped.

    Read from the wall once and moved by the monotonic clock: deadlines go on passing when someone
    sets the machine's clock, and on a machine that is behind the broker's.

    >>> clock = SteadyClock(lambda: 5_000, iter([1.0, 1.5, 1.5, 2.0]).__next__)
    >>> clock.now_ms()
    5500
    >>> clock.see(9_000)
    >>> clock.now_ms()
    9500
    """

    def __init__(
        self,
        wall_ms: Callable[[], int] = now_ms,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic_s = monotonic_s
        self._began_ms = wall_ms() - int(1000 * monotonic_s())

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._began_ms + int(1000 * self._monotonic_s())

    def see(self, stamped_ms: int) -> None:
        """A record bears this time of the broker: it is at least as late."""
        self._began_ms += max(0, stamped_ms - self.now_ms())
