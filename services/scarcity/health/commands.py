"""`scarcity health`: exit code 0 when the service beside it is ready."""

import argparse
import os
import sys
from collections.abc import Sequence

from scarcity.events.errors import InputError
from scarcity.health.heartbeat import HEARTBEAT_FILE_KEY, STALE_S, heartbeat_file, judge, uptime_s


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `health`."""
    parser = commands.add_parser("health", help="exit 0 when the service beside it is ready")
    add_options(parser)
    parser.set_defaults(handler=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the check."""
    parser.description = f"Reads the heartbeat that a service renews at {HEARTBEAT_FILE_KEY}."
    parser.add_argument("--alive", action="store_true", help="ask only whether its loop turns")
    parser.add_argument(
        "--stale-s", type=float, default=STALE_S, help=f"age of a dead heartbeat ({STALE_S:g})"
    )


def run(args: argparse.Namespace) -> int:
    """Print the state; 0 when it is ready, or alive with `--alive`, else 1."""
    path = heartbeat_file(os.environ)
    if path is None:
        raise InputError(f"{HEARTBEAT_FILE_KEY} is not set: name the file that the service renews")
    verdict = judge(path, uptime_s(), args.stale_s)
    print(verdict.told)
    return 0 if (verdict.alive if args.alive else verdict.ready) else 1


def main(argv: Sequence[str] | None = None) -> int:
    """The check alone, without the other commands: it runs every few seconds."""
    parser = argparse.ArgumentParser(prog="python -m scarcity.health")
    add_options(parser)
    try:
        return run(parser.parse_args(argv))
    except InputError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return 2
