"""The wall clock of the edges; cores take time as an argument."""

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
