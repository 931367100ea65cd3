"""Stopping what runs on this machine: one rule for every command that runs processes."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def is_stopped(work: Coroutine[Any, Any, object]) -> bool:
    """Run to the end; SIGINT, SIGTERM and SIGHUP all stop it cleanly, and then it is True."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False
