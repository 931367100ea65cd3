"""`scarcity dashboard`: the page that shows what the topics say, as it happens."""

import argparse
import os

from scarcity.broker.commands import add_bootstrap_servers


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dashboard`."""
    parser = commands.add_parser(
        "dashboard",
        help="serve a page that shows all domains live, from the topics alone",
        description="Serves a page that shows domains, experts, gossip, memory, clients, the "
        "ledger and dead letters as they change. It reads the topics and writes nothing. Ctrl-C "
        "ends.",
    )
    add_bootstrap_servers(parser)
    parser.add_argument("--port", type=int, help="port of the page (9465)")
    parser.add_argument("--bind", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    parser.add_argument("--token-file", metavar="FILE", help="ask for the token in this file")
    parser.set_defaults(handler=_dashboard)


def _dashboard(args: argparse.Namespace) -> int:
    from scarcity.broker.settings import BOOTSTRAP_SERVERS_KEY
    from scarcity.dashboard.service import run_alone
    from scarcity.dashboard.settings import BIND_KEY, PORT_KEY, TOKEN_FILE_KEY

    given = {
        BOOTSTRAP_SERVERS_KEY: args.bootstrap_servers,
        PORT_KEY: None if args.port is None else str(args.port),
        BIND_KEY: args.bind,
        TOKEN_FILE_KEY: args.token_file,
    }
    run_alone({**os.environ, **{key: value for key, value in given.items() if value}})
    return 0
