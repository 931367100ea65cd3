"""`scarcity keys`: make and show."""

from pathlib import Path

import pytest

from scarcity import cli
from scarcity.keys.files import read_signing_key


def test_make_and_show_tell_one_key_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "writer.key"
    assert cli.main(["keys", "make", str(path)]) == 0
    key_id = read_signing_key(path).public.key_id
    assert f"key id {key_id}" in capsys.readouterr().out
    for file in (path, f"{path}.pub"):
        assert cli.main(["keys", "show", str(file)]) == 0
        assert capsys.readouterr().out == f"{key_id}\n"


def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "writer.key"
    cli.main(["keys", "make", str(path)])
    assert cli.main(["keys", "make", str(path)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert cli.main(["keys", "show", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err
