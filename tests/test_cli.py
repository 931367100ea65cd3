"""The command line turns our errors into one line and an exit code."""

import argparse

import pytest

from scarcity import cli
from scarcity.events.errors import BrokerError, InputError


def parser_that_raises(error: Exception) -> argparse.ArgumentParser:
    def handler(args: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser()
    parser.set_defaults(handler=handler)
    return parser


@pytest.mark.parametrize(
    ("error", "code"), [(InputError("a.csv: no column y"), 2), (BrokerError("no broker"), 1)]
)
def test_an_error_of_ours_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    monkeypatch.setattr(cli, "build_parser", lambda: parser_that_raises(error))
    assert cli.main([]) == code
    assert capsys.readouterr().err == f"scarcity: {error}\n"


def test_a_missing_package_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    monkeypatch.setattr(cli, "build_parser", lambda: parser_that_raises(error))
    assert cli.main([]) == 1
    assert "needs the package 'torch'" in capsys.readouterr().err


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "build_parser", lambda: parser_that_raises(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main([])


def test_an_unknown_service_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "nonsense"])
    assert stop.value.code == 2
    assert "memory" in capsys.readouterr().err
