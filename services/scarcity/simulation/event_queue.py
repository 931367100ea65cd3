"""Virtual time: actions in the order of their times, ties in the order they were asked for."""

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class EventQueue:
    """Holds what is to happen; ``now_ms`` moves only from one action to the next."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._waiting: list[tuple[int, int, Action]] = []
        self._asked = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to happen any more."""
        return not self._waiting

    def at(self, at_ms: int, action: Action) -> None:
        """Ask for an action; a time that has passed means now."""
        heappush(self._waiting, (max(at_ms, self.now_ms), self._asked, action))
        self._asked += 1

    def after(self, delay_s: float, action: Action) -> None:
        """Ask for an action ``delay_s`` virtual seconds from now; at least one millisecond."""
        self.at(self.now_ms + max(1, round(1000 * delay_s)), action)

    def run(self, *, until: Callable[[], bool], limit_ms: int) -> None:
        """Act until ``until()`` holds, nothing waits, or the next time lies beyond ``limit_ms``.

        >>> queue, seen = EventQueue(), []
        >>> queue.at(20, lambda: seen.append("late"))
        >>> queue.at(10, lambda: seen.append("early"))
        >>> queue.run(until=lambda: False, limit_ms=100)
        >>> seen, queue.now_ms
        (['early', 'late'], 20)
        """
        while self._waiting and not until():
            at_ms, _, action = self._waiting[0]
            if at_ms > limit_ms:
                return
            heappop(self._waiting)
            self.now_ms = at_ms
            action()
