"""`scarcity start`."""

import argparse
import asyncio
import os
from pathlib import Path


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
    from scarcity.local.stopping import is_stopped
    from scarcity.local.system import SystemOptions, run_system
    from scarcity.monitor.settings import DEFAULT_PORT

    declared = load_topics(find_topics_file(args.file, os.environ))
    options = SystemOptions(
        port=args.port,
        data_dir=args.data_dir or default_data_dir().parent / "system",
        monitor_port=args.monitor_port or DEFAULT_PORT,
    )
    configure_logging()
    if asyncio.run(is_stopped(run_system(options, declared, (), _say))):
        _say("stopped; nothing is left running")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
