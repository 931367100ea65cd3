"""`scarcity demo`: three domains learn together on this machine."""

import argparse
import asyncio
from pathlib import Path

from scarcity.events.errors import InputError
from scarcity.exit_codes import ExitCode

LEAST_LIMIT_S = 20


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo`."""
    parser = commands.add_parser(
        "demo",
        help="three domains learn together over a real Kafka, then a report",
        description="Starts Kafka and every service on this machine, lets the clients of three "
        "public panels learn, and ends by itself. Ctrl-C stops all of it.",
    )
    parser.add_argument("--rounds", type=int, default=400, help="rounds of each domain (400)")
    parser.add_argument("--port", type=int, help="port of the broker (9092, or a free one)")
    parser.add_argument("--data-dir", type=Path, help="keep the run below this directory")
    parser.add_argument(
        "--report", type=Path, default=Path("report.html"), help="where to write it (report.html)"
    )
    parser.add_argument(
        "--seconds-limit", type=float, default=180.0, help="end after this time (180)"
    )
    parser.set_defaults(handler=_demo)


def _demo(args: argparse.Namespace) -> int:
    from rich.console import Console

    from scarcity.broker.logs import configure_logging
    from scarcity.demo.orchestrator import DemoOptions, run_demo
    from scarcity.local.stopping import is_stopped

    if args.rounds < 1:
        raise InputError(f"--rounds {args.rounds}: at least 1")
    if not args.seconds_limit >= LEAST_LIMIT_S:
        raise InputError(
            f"--seconds-limit {args.seconds_limit:g}: at least {LEAST_LIMIT_S} seconds, "
            "which all processes need to start and to stop"
        )
    report: Path = args.report
    if not report.resolve().parent.is_dir():
        raise InputError(f"--report {report}: there is no directory {report.resolve().parent}")
    configure_logging()
    options = DemoOptions(args.rounds, args.port, args.data_dir, report, args.seconds_limit)
    console = Console()
    if asyncio.run(is_stopped(run_demo(options, console))):
        console.print("stopped; nothing is left running")
        return ExitCode.INTERRUPTED
    return ExitCode.DONE
