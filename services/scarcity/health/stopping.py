"""Planned stops: heard while a service still starts, and bounded where nothing can be lost.

The first process of a container ignores SIGTERM until somebody handles it; Faust and the clients
do so once they run, and wait for a broker before.
"""

import os
import signal
import threading
from types import FrameType
from typing import Final

LEAVE_WITHIN_S: Final = 8.0  # Docker kills after ten


def stop_at_once_on_sigterm() -> None:
    """End the process with exit code 0 on SIGTERM; whoever has work to finish handles it anew."""
    signal.signal(signal.SIGTERM, _leave)


def leave_in_any_case(code: int = 0, within_s: float = LEAVE_WITHIN_S) -> None:
    """End the process with this exit code after this time, whatever its threads still compute.

    For processes that keep nothing: what was not published by then is as if it had not begun.
    """
    timer = threading.Timer(within_s, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
