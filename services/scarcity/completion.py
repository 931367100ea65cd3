"""`scarcity completion bash | zsh`: what the shell needs to complete commands and options."""

import argparse
from pathlib import Path


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `completion`."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description='bash: eval "$(scarcity completion bash)"; zsh: scarcity completion zsh > '
        "a file named _scarcity in a directory of $fpath.",
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    parser.set_defaults(handler=_print_script)


def _print_script(args: argparse.Namespace) -> int:
    from scarcity.cli import build_parser

    print(script(build_parser(), args.shell))
    return 0


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script; options that take a path complete files."""
    import shtab

    _complete_files(parser, shtab.FILE)
    return str(shtab.complete(parser, shell))


def _complete_files(parser: argparse.ArgumentParser, files: object) -> None:
    for action in parser._actions:
        if action.type is Path:
            action.complete = files  # type: ignore[attr-defined]  # where shtab looks for it
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                _complete_files(verb, files)
