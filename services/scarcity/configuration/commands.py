"""`scarcity config show | table`."""

import argparse
from pathlib import Path

from scarcity.configuration.key import EVERYONE


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `config`."""
    parser = commands.add_parser("config", help="what can be set, and what holds here")
    verbs = parser.add_subparsers(required=True, metavar="show|table")
    show = verbs.add_parser("show", help="print what holds and where it comes from, no secrets")
    show.add_argument("service", nargs="?", choices=EVERYONE, help="only what it reads")
    show.set_defaults(handler=_show)
    table = verbs.add_parser("table", help="print all keys as docs/configuration.md has them")
    where = table.add_mutually_exclusive_group()
    where.add_argument("--write", type=Path, metavar="FILE", help="write the file")
    where.add_argument("--check", type=Path, metavar="FILE", help="exit 1 when the file differs")
    table.set_defaults(handler=_table)


def _show(args: argparse.Namespace) -> int:
    from scarcity.configuration.effective import effective, unknown_names
    from scarcity.configuration.telling import settings_lines

    print(*settings_lines(effective(args.environment, args.service)), sep="\n")
    for line in unknown_names(args.environment):
        print(f"warning: {line}")
    return 0


def _table(args: argparse.Namespace) -> int:
    from scarcity.configuration.telling import table

    text = table()
    if args.write:
        args.write.write_text(text, "utf-8")
    elif args.check is None:
        print(text, end="")
    elif not args.check.is_file() or args.check.read_text("utf-8") != text:
        print(
            f"{args.check} is not what the code declares: run "
            f"`scarcity config table --write {args.check}`"
        )
        return 1
    return 0
