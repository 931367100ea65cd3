"""`scarcity status`: the figures of `scarcity watch` once, for people or as JSON."""

import argparse
import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from scarcity.broker.commands import add_bootstrap_servers, settings_of

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings
    from scarcity.monitor.metrics import Groups
    from scarcity.monitor.view import SystemView

NARROWEST = 80  # columns, where there is no terminal


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `status`."""
    parser = commands.add_parser(
        "status",
        help="what `watch` shows, once",
        description="Reads the topics to their end, prints rounds, clients, losses, gossip and lag "
        "of all domains, and ends.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object")
    add_bootstrap_servers(parser)
    parser.set_defaults(handler=run_status)


def run_status(args: argparse.Namespace) -> int:
    """Read, and print."""
    import os

    from scarcity.broker.clock import now_ms
    from scarcity.monitor.settings import MonitorSettings

    limit = MonitorSettings.from_environment(os.environ).memory_limit
    view, groups = asyncio.run(_read(settings_of(args), limit))
    if args.json:
        import orjson

        from scarcity.monitor.snapshot import snapshot

        document = snapshot(view, now_ms(), groups)
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return 0
    from rich.console import Console

    from scarcity.monitor.lag import groups_line
    from scarcity.monitor.screen import live_view

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    console.print(live_view(view, now_ms(), status=groups_line(groups)))
    return 0


async def _read(settings: "KafkaSettings", memory_limit: int) -> "tuple[SystemView, Groups]":
    from scarcity.broker.clock import now_ms
    from scarcity.broker.following import follow
    from scarcity.broker.groups import read_once
    from scarcity.monitor.lag import groups_of
    from scarcity.monitor.metrics import SERVICE_GROUPS
    from scarcity.monitor.view import SystemView
    from scarcity.monitor.watching import WATCHED_TOPICS

    view = SystemView(memory_limit)
    async with aclosing(follow(settings, WATCHED_TOPICS)) as batches:
        async for batch in batches:
            if not batch:
                break
            view.fold(batch)
    lag, members = await read_once(settings, SERVICE_GROUPS)
    return view, groups_of(lag, members, now_ms())
