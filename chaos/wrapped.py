"""Runs a module as a run's supervisor wants it: `python -m chaos.wrapped [--no-disk] MODULE …`.

The module is started as `python -m` would. A signal sets its wall clock back by an hour, as an
administrator might: `time.time` and `time.time_ns`, of which every library here reads the wall;
the monotonic clock goes on, as the kernel's does. With `--no-disk` the process can write no byte to
any file: its working directory, HOME and TMPDIR are `/proc`, the size of a file is limited to 0
(which holds for root too, unlike permissions), and its log goes to `/dev/full`.
"""

import os
import resource
import runpy
import signal
import sys
import time
from types import FrameType
from typing import Final

SET_CLOCK_BACK: Final = signal.SIGRTMIN + 5  # Faust uses SIGUSR1 and SIGUSR2
BACK_S: Final = 3600
NO_DISK: Final = "--no-disk"
UNWRITABLE: Final = "/proc"


def shiftable_clock() -> None:
    """Make the wall clock of this process go back at the signal."""
    true_s, true_ns = time.time, time.time_ns
    shift_s = 0

    def set_back(_signal: int, _frame: FrameType | None) -> None:
        nonlocal shift_s
        shift_s -= BACK_S

    time.time = lambda: true_s() + shift_s
    time.time_ns = lambda: true_ns() + shift_s * 1_000_000_000
    signal.signal(SET_CLOCK_BACK, set_back)


def give_up_disk() -> None:
    """Make every write to a file fail."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    os.dup2(full, 2)
    # Modules that this directory holds are found by its absolute path from here on.
    sys.path[0] = os.path.abspath(sys.path[0] or ".")  # noqa: PTH100
    os.environ["PYTHONPATH"] = sys.path[0]
    os.environ["HOME"] = os.environ["TMPDIR"] = UNWRITABLE
    os.chdir(UNWRITABLE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Prepare, then become the module."""
    shiftable_clock()
    arguments = sys.argv[1:]
    if arguments[0] == NO_DISK:
        arguments = arguments[1:]
        give_up_disk()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
