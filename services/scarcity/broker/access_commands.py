"""`scarcity users …` and `scarcity tls …`."""

import argparse
import getpass
import sys
from pathlib import Path

from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.events.errors import InputError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands to the command line."""
    users = commands.add_parser("users", help="users of the broker, with a password")
    verbs = users.add_subparsers(required=True, metavar="add|list|remove")
    add = verbs.add_parser("add", help="make one, or give one another password")
    add.add_argument("name")
    add.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="the password on its first line; without it the terminal is asked",
    )
    add.add_argument(
        "--mechanism", choices=("SCRAM-SHA-512", "SCRAM-SHA-256"), default="SCRAM-SHA-512"
    )
    add.set_defaults(handler=_add_user)
    listing = verbs.add_parser("list", help="names, and the mechanisms that they log in by")
    listing.set_defaults(handler=_list_users)
    remove = verbs.add_parser("remove", help="it can log in no more; its rights are another matter")
    remove.add_argument("name")
    remove.set_defaults(handler=_remove_user)
    for verb in (add, listing, remove):
        add_bootstrap_servers(verb)
    _register_tls(commands.add_parser("tls", help="certificates for the broker's connections"))


def _register_tls(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="init|issue")
    init = verbs.add_parser("init", help="make an authority: DIR/ca.pem and DIR/ca.key")
    init.set_defaults(handler=_init)
    issue = verbs.add_parser("issue", help="make DIR/NAME.pem and DIR/NAME.key under it")
    issue.set_defaults(handler=_issue)
    for verb in (init, issue):
        verb.add_argument("directory", type=Path, metavar="DIR")
    issue.add_argument("name", metavar="NAME", help="its CN, by which the broker knows it")
    issue.add_argument(
        "--host", action="append", default=[], help="a broker's name or address; may be repeated"
    )
    issue.add_argument("--days", type=int, default=365, choices=range(1, 3651), metavar="N")


def _add_user(args: argparse.Namespace) -> int:
    from scarcity.broker.access_admin import AccessAdmin
    from scarcity.broker.security import read_password
    from scarcity.broker.tls_files import check_principal

    name = check_principal(args.name)
    password = read_password(args.password_file) if args.password_file else _ask(name)
    AccessAdmin(settings_of(args)).set_password(name, password, args.mechanism)
    print(
        f"user {name}: may log in by {args.mechanism}; `scarcity topics apply --acls` gives rights"
    )
    return 0


def _ask(name: str) -> str:
    if not sys.stdin.isatty():
        raise InputError("no terminal to ask for a password: give --password-file")
    password = getpass.getpass(f"password of {name}: ")
    if not password:
        raise InputError("the password is empty: nothing was changed")
    if getpass.getpass("once more: ") != password:
        raise InputError("the two passwords differ: nothing was changed")
    return password


def _list_users(args: argparse.Namespace) -> int:
    from scarcity.broker.access_admin import AccessAdmin

    for name, mechanisms in AccessAdmin(settings_of(args)).users().items():
        print(f"{name}: {', '.join(mechanisms)}")
    return 0


def _remove_user(args: argparse.Namespace) -> int:
    from scarcity.broker.access_admin import AccessAdmin

    if not AccessAdmin(settings_of(args)).remove_user(args.name):
        raise InputError(f"there is no user {args.name!r} with a password")
    print(f"user {args.name}: can log in no more; connections that are open stay")
    return 0


def _init(args: argparse.Namespace) -> int:
    from scarcity.broker.tls_files import make_authority

    make_authority(args.directory)
    print(f"{args.directory / 'ca.pem'} for everyone; keep {args.directory / 'ca.key'} to yourself")
    return 0


def _issue(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from scarcity.broker.tls_files import issue

    path = issue(args.directory, args.name, args.host, valid=timedelta(days=args.days))
    print(f"{path} and {path.with_suffix('.key')}: User:{args.name}, {args.days} days")
    return 0
