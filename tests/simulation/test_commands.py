"""`scarcity simulate`, as a person runs it."""

import json
from pathlib import Path

import pytest

from scarcity.cli import main

SCENARIO = """\
name: tiny
versions: 3
domains:
  - name: waves
    data: {kind: sinusoid, clients: 6, rows: 5, new_clients: 3, new_rows: 8}
    clients: {arrival: {kind: rounds, clients: 4}}
"""


def test_it_prints_a_table_and_writes_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "tiny.yaml", tmp_path / "out"
    path.write_text(SCENARIO)
    assert main(["simulate", str(path), "--out", str(out), "--versions", "2"]) == 0
    assert "client-rounds/s" in capsys.readouterr().out
    first = json.loads((out / "result.jsonl").read_text().splitlines()[0])
    assert first["client_rounds"] == 8
    assert len((out / "ledger.jsonl").read_text().splitlines()) == 3
    assert (out / "report.html").read_text().startswith("<!doctype html>")


def test_a_mistake_in_the_scenario_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(SCENARIO.replace("versions: 3", "verions: 3"))
    assert main(["simulate", str(path)]) == 2
    told = capsys.readouterr().err
    assert "tiny.yaml line 2: verions: unknown key" in told
    assert told.count("\n") == 1


def test_an_output_directory_that_cannot_be_made_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(SCENARIO)
    assert main(["simulate", str(path), "--out", str(path / "below")]) == 2
    assert "--out" in capsys.readouterr().err
