from pathlib import Path

import pytest

from scarcity.cli import main


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--rounds", "0"], "--rounds"),
        (["--seconds-limit", "5"], "--seconds-limit"),
        (["--seconds-limit", "nan"], "--seconds-limit"),
        (["--report", "no/such/directory/report.html"], "--report"),
    ],
)
def test_an_impossible_option_is_one_line_with_its_name(
    options: list[str], named: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["demo", "--data-dir", str(tmp_path), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert named in error
