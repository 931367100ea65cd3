"""The heartbeat: a small file that a service's own event loop renews every second.

A file and no port: a service that serves nothing opens nothing, and a check costs no network. It
holds the state and the seconds since the machine started (`/proc/uptime`), which all processes
share and no correction of the time moves. It is stale when the loop no longer turns or the process
is gone. infra/health.sh reads it too.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from scarcity.events.errors import InputError

HEARTBEAT_FILE_KEY: Final = "SCARCITY_HEARTBEAT_FILE"
BEAT_S: Final = 1.0
STALE_S: Final = 15.0
READY: Final = "ready"


class Verdict(NamedTuple):
    """What a heartbeat tells.

    Attributes:
        alive: the service's loop turns.
        ready: and it does its work, or stands by to do it.
        told: one line for people.
    """

    alive: bool
    ready: bool
    told: str


def uptime_s() -> float:
    """Seconds since the machine started; elsewhere than on Linux, since some moment."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def heartbeat_file(environ: Mapping[str, str]) -> Path | None:
    """Where the heartbeat lies; None: there is none."""
    path = environ.get(HEARTBEAT_FILE_KEY)
    return Path(path) if path else None


def write_beat(path: Path, state: str, at_s: float) -> None:
    """Renew the file, whole or not at all.

    Args:
        state: READY, or in a few words what it still waits for.
        at_s: as `uptime_s` tells.

    Raises:
        InputError: it cannot be written.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        aside.write_text(f"{at_s:.3f} {state}\n", "utf-8")
        aside.replace(path)
    except OSError as error:
        raise InputError(
            f"{HEARTBEAT_FILE_KEY}: {path} cannot be written ({error.strerror or error}); name a "
            "file on a tmpfs"
        ) from None


def judge(path: Path, now_s: float, stale_s: float = STALE_S) -> Verdict:
    """Read a heartbeat.

    Args:
        now_s: as `uptime_s` tells.
    """
    try:
        told, _, state = path.read_text("utf-8").strip().partition(" ")
        age_s = now_s - float(told)
    except OSError:
        return Verdict(False, False, f"no heartbeat at {path}: it has not started, or not with it")
    except ValueError:
        return Verdict(False, False, f"{path} is no heartbeat")
    if age_s > stale_s:
        return Verdict(False, False, f"no heartbeat for {age_s:.0f} s; the last said: {state}")
    return Verdict(True, state == READY, state)


async def beat_for_ever(path: Path | None, state: Callable[[], str]) -> None:
    """Renew the heartbeat every second until cancelled; without a file, wait.

    Raises:
        InputError: the file cannot be written.
    """
    while True:
        if path is not None:
            write_beat(path, state(), uptime_s())
        await asyncio.sleep(BEAT_S)


@asynccontextmanager
async def beating(path: Path | None, state: Callable[[], str]) -> AsyncIterator[None]:
    """Renew the heartbeat while the context is open.

    Raises:
        InputError: the file cannot be written at first.
    """
    if path is not None:
        write_beat(path, state(), uptime_s())
    task = asyncio.create_task(beat_for_ever(path, state))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
