"""`scarcity start`."""

import argparse
import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scarcity.broker.declared import Declared
    from scarcity.local.system import SystemOptions


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `start`."""
    parser = commands.add_parser(
        "start",
        help="a broker and every service on this machine, until Ctrl-C",
        description="Starts Kafka, memory, meta, gossip and monitor on this machine and keeps them "
        "running. Ctrl-C stops all; what was learned stays in the data directory.",
    )
    parser.add_argument("--port", type=int, default=9092, help="port of the broker (9092)")
    parser.add_argument("--data-dir", type=Path, help="default: below ~/.local/share/scarcity")
    parser.add_argument("--monitor-port", type=int, help="port of the monitor (9464)")
    parser.add_argument(
        "--file", type=Path, help="topics file (SCARCITY_TOPICS_FILE, else topics.yaml here)"
    )
    parser.set_defaults(handler=_start)


def _start(args: argparse.Namespace) -> int:
    from scarcity.broker.declared import find_topics_file, load_topics
    from scarcity.broker.embedded_files import default_data_dir
    from scarcity.broker.logs import configure_logging
    from scarcity.local.system import SystemOptions
    from scarcity.monitor.settings import DEFAULT_PORT

    declared = load_topics(find_topics_file(args.file, os.environ))
    options = SystemOptions(
        port=args.port,
        data_dir=args.data_dir or default_data_dir().parent / "system",
        monitor_port=args.monitor_port or DEFAULT_PORT,
    )
    configure_logging()
    asyncio.run(_until_signalled(options, declared))
    return 0


async def _until_signalled(options: "SystemOptions", declared: "Declared") -> None:
    from scarcity.local.system import run_system

    def say(text: str) -> None:
        print(text, flush=True)

    system = asyncio.create_task(run_system(options, declared, (), say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, system.cancel)
    try:
        await system
    except asyncio.CancelledError:
        say("stopped; nothing is left running")
