"""Stops: heard while a service still starts, and bounded, as nothing can be lost by leaving.

The first process of a container ignores SIGTERM until somebody handles it; Faust and the clients
do so once they run, and wait for a broker before.
"""

import logging
import os
import signal
import threading
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

LEAVE_WITHIN_S: Final = 8.0  # Docker kills after ten


def stop_at_once_on_sigterm() -> None:
    """End the process with exit code 0 on SIGTERM; whoever has work to finish handles it anew."""
    signal.signal(signal.SIGTERM, _leave)


def leave_in_any_case(code: int = 0, within_s: float = LEAVE_WITHIN_S) -> None:
    """End the process with this exit code after this time, whatever its threads still compute.

    What was not committed by then is as if it had not begun.
    """
    timer = threading.Timer(within_s, _leave_now, (code, within_s))
    timer.daemon = True
    timer.start()


def _leave_now(code: int, after_s: float) -> None:
    logger.warning("did not stop within %g s; leaves as it is, nothing is lost", after_s)
    os._exit(code)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
