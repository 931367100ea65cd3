"""`scarcity …`: parses, dispatches, and turns our errors into one line and an exit code.

Exit codes: 0 done; 1 a service or the broker could not go on, or a comparison found a difference;
2 a file or an option is wrong; 130 interrupted.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from scarcity import __version__
from scarcity.configuration.effective import with_file
from scarcity.configuration.startup import log_settings
from scarcity.events.errors import InputError, ScarcityError

SERVICES = ("memory", "meta", "gossip", "monitor")
COMMAND_MODULES = (
    "scarcity.broker.commands",
    "scarcity.client.commands",
    "scarcity.monitor.commands",
    "scarcity.demo.commands",
    "scarcity.audit.commands",
    "scarcity.keys.commands",
    "scarcity.meta.commands",
    "scarcity.simulation.commands",
    "scarcity.doctor.commands",
    "scarcity.configuration.commands",
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; each package adds its own commands."""
    parser = argparse.ArgumentParser(
        prog="scarcity",
        description="Federated meta-learning on Kafka: clients publish losses, never data.",
    )
    parser.add_argument("--version", action="version", version=f"scarcity {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one service until it is stopped")
    run.add_argument("service", choices=SERVICES)
    run.add_argument("--bootstrap-servers", help="host:port of the broker, several by commas")
    run.set_defaults(handler=_run_service)
    for module in COMMAND_MODULES:
        importlib.import_module(module).register(commands)
    return parser


def _run_service(args: argparse.Namespace) -> int:
    environ, given = dict(os.environ), dict(args.environment)
    if args.bootstrap_servers:
        environ["SCARCITY_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
        given["SCARCITY_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
    log_settings(args.service, given)
    importlib.import_module(f"scarcity.{args.service}.service").main(environ)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    args.environment = dict(
        os.environ
    )  # as it was given, for those who tell where values come from
    try:
        os.environ.update(with_file(os.environ))
        return int(args.handler(args))
    except InputError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return 2
    except ScarcityError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("scarcity"):
            raise
        print(
            f"scarcity: this command needs the package {error.name!r}, which is not installed: "
            f"install the extra that brings it, e.g. pip install 'scarcity[demo]'",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
