"""`scarcity …`: parses, dispatches, and turns our errors into one line and an exit code.

`exit_codes.py` says what the codes mean.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence

from scarcity import __version__
from scarcity.configuration.effective import with_file
from scarcity.configuration.startup import log_settings
from scarcity.events.errors import InputError, ScarcityError
from scarcity.exit_codes import ExitCode, help_text
from scarcity.health.stopping import stop_at_once_on_sigterm

SERVICES = ("memory", "meta", "gossip", "monitor")
COMMAND_MODULES = (
    "scarcity.broker.commands",
    "scarcity.broker.access_commands",
    "scarcity.client.commands",
    "scarcity.client.domain_commands",
    "scarcity.monitor.commands",
    "scarcity.dashboard.commands",
    "scarcity.dead_letters.commands",
    "scarcity.reports.commands",
    "scarcity.demo.commands",
    "scarcity.audit.commands",
    "scarcity.keys.commands",
    "scarcity.enrolment.commands",
    "scarcity.meta.commands",
    "scarcity.simulation.commands",
    "scarcity.doctor.commands",
    "scarcity.local.commands",
    "scarcity.configuration.commands",
    "scarcity.health.commands",
    "scarcity.completion",
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; each package adds its own commands."""
    parser = argparse.ArgumentParser(
        prog="scarcity",
        description="Federated meta-learning on Kafka: clients publish losses, never data.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=help_text(),
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
    stop_at_once_on_sigterm()
    environ, given = dict(os.environ), dict(args.environment)
    if args.bootstrap_servers:
        environ["SCARCITY_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
        given["SCARCITY_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
    log_settings(args.service, given)
    importlib.import_module(_module_of(args.service, environ)).main(environ)
    return 0


def _module_of(service: str, environ: Mapping[str, str]) -> str:
    # No service imports another or the audit; the page needs both, so it brings the monitor along.
    if service == "monitor" and environ.get("SCARCITY_DASHBOARD_PORT"):
        return "scarcity.dashboard.service"
    return f"scarcity.{service}.service"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    # As it was given, for those who tell where values come from.
    args.environment = dict(os.environ)
    try:
        os.environ.update(with_file(os.environ))
        return int(args.handler(args))
    except InputError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return ExitCode.WRONG_INPUT
    except ScarcityError as error:
        print(f"scarcity: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("scarcity"):
            raise
        print(
            f"scarcity: this command needs the package {error.name!r}, which is not installed: "
            f"install the extra that brings it, e.g. pip install 'scarcity[demo]'",
            file=sys.stderr,
        )
        return ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
