"""Judges a batch's senders in threads: libsodium lets go of the interpreter's lock meanwhile."""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from scarcity.events.types import Position, Record
from scarcity.memory.authority import Sender, Senders
from scarcity.memory.global_memory import GlobalMemory

THREADS: Final = min(4, os.cpu_count() or 1)
LEAST: Final = 64  # records that are worth a thread


async def judge(memory: GlobalMemory, records: Sequence[Record]) -> Senders | None:
    """Who sent these records; None: the fold itself looks, if it must, as fast as threads could."""
    if not memory.judges_ahead:
        return None
    share = max(LEAST, -(-len(records) // THREADS))
    parts = [records[at : at + share] for at in range(0, len(records), share)]
    judged: dict[Position, Sender] = {}
    for part in await asyncio.gather(*(asyncio.to_thread(memory.judge, part) for part in parts)):
        judged |= part
    return judged
