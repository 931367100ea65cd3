"""Several things at once, and none of them left behind."""

import asyncio
from collections.abc import Awaitable, Iterable


async def all_ended(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all, also when one fails: none goes on after the caller gives a lock back.

    Raises:
        BaseException: the first failure, in the order of ``work``.
    """
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
