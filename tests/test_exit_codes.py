"""One table of exit codes; the code returns no other, and says no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scarcity.cli import build_parser, main
from scarcity.exit_codes import MEANINGS, ExitCode, markdown_table

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "services" / "scarcity"


def returned_by_commands() -> Iterator[tuple[Path, int]]:
    """Numbers that functions return which take parsed arguments: the commands."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef) or _names(node)[:1] != ["args"]:
                continue
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    for value in ast.walk(inner.value):
                        if isinstance(value, ast.Constant) and type(value.value) is int:
                            yield path, value.value


def _names(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args]


def test_every_code_has_a_meaning_and_the_page_tells_them() -> None:
    assert set(MEANINGS) == set(ExitCode)
    assert markdown_table() in (ROOT / "docs" / "exit-codes.md").read_text("utf-8")


def test_commands_return_no_code_that_the_table_lacks() -> None:
    found = list(returned_by_commands())
    assert {code for _, code in found} <= set(ExitCode), found
    assert {0, 1} <= {code for _, code in found}


def test_the_help_tells_each_code() -> None:
    told = build_parser().format_help()
    assert all(f"{code.value:>3}  " in told for code in ExitCode)


def test_what_argparse_refuses_is_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["report", "--nonsense"])
    assert stop.value.code == ExitCode.WRONG_INPUT
    assert main(["report", "--since", "yesterday"]) == ExitCode.WRONG_INPUT
    assert "--since 'yesterday' is no time" in capsys.readouterr().err
