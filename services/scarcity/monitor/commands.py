"""`scarcity watch`: the live view, from the topics alone. And `scarcity status`."""

import argparse
import asyncio
import os
import time
from typing import TYPE_CHECKING

from scarcity.monitor import status_command

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings

REFRESH_S = 0.5


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `watch` and `status`."""
    status_command.register(commands)
    parser = commands.add_parser(
        "watch",
        help="show all domains live, from the topics alone",
        description="Shows rounds, clients, losses and gossip of all domains until Ctrl-C. "
        "Without a terminal it prints a line every few seconds.",
    )
    parser.add_argument("--bootstrap-servers", help="host:port of the broker, several by commas")
    parser.add_argument("--seconds", type=float, help="end after this time")
    parser.set_defaults(handler=_watch)


def _watch(args: argparse.Namespace) -> int:
    from scarcity.broker.settings import KafkaSettings

    environ = dict(os.environ)
    if args.bootstrap_servers:
        environ["SCARCITY_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
    settings = KafkaSettings.from_environment(environ)
    asyncio.run(_show(settings, args.seconds))
    return 0


async def _show(settings: "KafkaSettings", seconds: float | None) -> None:
    from rich.console import Console

    from scarcity.broker.following import follow
    from scarcity.broker.logs import configure_logging
    from scarcity.monitor.view import SystemView
    from scarcity.monitor.watching import WATCHED_TOPICS, Display, fold_topics

    view = SystemView()
    end = float("inf") if seconds is None else time.monotonic() + seconds
    folding = asyncio.create_task(fold_topics(follow(settings, WATCHED_TOPICS), view))
    try:
        with Display(view, Console(), lambda: int(time.time() * 1000)) as display:
            configure_logging()  # now: the display shows what goes to stderr above its picture
            while not folding.done() and time.monotonic() < end:
                display.show(f"reading {settings.bootstrap_servers}; Ctrl-C ends")
                await asyncio.wait([folding], timeout=REFRESH_S)
        if folding.done():
            folding.result()
    finally:
        folding.cancel()
        await asyncio.gather(folding, return_exceptions=True)
