"""Makes docs/commands.md of the command line itself.

    python -m scarcity.command_reference [--check]

`--check` writes nothing and exits 1 when the page is not what the commands say.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scarcity.cli import build_parser

PAGE: Final = Path("docs/commands.md")
HEAD: Final = """# Commands

Generated from the command line by `python -m scarcity.command_reference`. Exit codes are in
[errors](errors.md); settings of the environment in [configuration](configuration.md).
"""


def page(parser: argparse.ArgumentParser) -> str:
    """The whole page; Markdown."""
    return HEAD + "".join(_section(command) for command in _leaves(parser))


def _leaves(
    parser: argparse.ArgumentParser, said: str = ""
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Commands that have no commands below, with their full names and short helps."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield parser.prog, said, parser
        return
    for group in groups:
        helps = {action.dest: action.help or "" for action in group._choices_actions}
        for name, inner in group.choices.items():
            yield from _leaves(inner, helps.get(name, ""))


def _section(command: tuple[str, str, argparse.ArgumentParser]) -> str:
    name, said, parser = command
    about = parser.description or (f"{said[:1].upper()}{said[1:]}." if said else "")
    lines = [f"\n## {name}\n"]
    if about:
        lines.append(f"{' '.join(about.split())}\n")
    rows = [row for action in parser._actions if (row := _row(parser, action))]
    if rows:
        lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if isinstance(action, argparse._HelpAction):
        return ""
    formatter = parser._get_formatter()
    if action.option_strings:
        value = (
            ""
            if action.nargs == 0
            else " "
            + formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
        )
        name = ", ".join(action.option_strings) + value
    else:
        name = formatter._format_args(action, formatter._get_default_metavar_for_positional(action))
    help_text = " ".join(formatter._expand_help(action).split()) if action.help else ""
    if action.required and action.option_strings:
        help_text = f"{help_text} (required)".strip()
    return f"| `{name}` | {help_text.replace('|', chr(92) + '|')} |".replace("  ", " ")


def main() -> None:
    """Write the page, or check it."""
    text = page(build_parser())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        sys.exit(f"{PAGE} is not what the commands say: run python -m scarcity.command_reference")


if __name__ == "__main__":
    main()
