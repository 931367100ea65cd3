"""Stops what a process started when that process was killed without a chance to do so.

This process is told, over a pipe, which process groups were started (`+id`, written by each itself
before it does anything else), which have ended (`-id`), and where a broker keeps its pid (`@file`).
The pipe closes when that process ends, however it ends: what is left by then is stopped. Runs in a
session of its own, so that Ctrl-C does not reach it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_S = 5.0
POLL_S = 0.05


def leftover(lines: Iterable[str]) -> set[int]:
    """Process groups that were started and have not ended.

    >>> sorted(leftover(["+10", "+11", "-10", "+12", "nonsense"]))
    [11, 12]
    """
    groups: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if not number.isdigit():
            continue
        if sign == "+":
            groups.add(int(number))
        elif sign == "-":
            groups.discard(int(number))
    return groups


def broker_groups(lines: Iterable[str]) -> set[int]:
    """Process groups of the brokers whose pid files were named and are still there."""
    groups = set()
    for line in lines:
        if not line.startswith("@"):
            continue
        try:
            groups.add(int(json.loads(Path(line[1:].rstrip("\n")).read_text("utf-8"))["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no broker runs there
    return groups


def stop_groups(groups: Iterable[int], grace_s: float = GRACE_S) -> None:
    """SIGTERM to process groups, SIGKILL to those still there after ``grace_s``."""
    waiting = {group for group in groups if signal_group(group, signal.SIGTERM)}
    end = time.monotonic() + grace_s
    while waiting and time.monotonic() < end:
        time.sleep(POLL_S)
        waiting = {group for group in waiting if signal_group(group, 0)}
    for group in waiting:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; whether there was one (0 only asks)."""
    if group <= 1:
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Read the pipe to its end, then stop what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lines = sys.stdin.readlines()
    stop_groups(leftover(lines) | broker_groups(lines))


if __name__ == "__main__":
    main()
