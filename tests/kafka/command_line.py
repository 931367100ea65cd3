"""`scarcity …` against the tests' broker, in this process: no second interpreter to start."""

import asyncio
import io
from contextlib import redirect_stderr, redirect_stdout

from scarcity.cli import main


async def scarcity(address: str, *words: str, code: int = 0) -> str:
    """What the command printed; its exit code must be ``code``."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told):
        # A thread of its own: the command has its own event loop.
        found = await asyncio.to_thread(main, [*words, "--bootstrap-servers", address])
    assert found == code, told.getvalue()
    return out.getvalue()
