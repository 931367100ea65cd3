"""Tables keep full runs row by row, and the page says what was missed."""

from pathlib import Path

import pytest
from benchmarks.tables import Figures, Row, Spread, Table, Target

from benchmarks import report, tables


def plan(*, error: float = 0.5) -> Table:
    def run(quick: bool) -> Figures:
        return {"error": Spread(error, 0.01), "rounds": 3.0 if quick else 30.0}

    rows = (
        Row("ours", run, (Target("error", 0.4),), {"error": 0.3}, in_quick=True),
        Row("theirs", run, explanation="Their own code."),
    )
    return Table("plan", "A plan", "Lower is better.", rows)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for function in (tables.keep, tables.read, tables.write, tables.retell):
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))
    return tmp_path


def test_a_full_run_is_kept_and_a_row_alone_replaces_only_itself(directory: Path) -> None:
    tables.main("m", [plan()], [])
    tables.main("m", [plan(error=0.1)], ["plan", "--rows", "ours"])
    kept = tables.read("plan", directory)
    assert kept is not None
    assert [(r.name, r.figures["error"]) for r in kept.rows] == [
        ("ours", Spread(0.1, 0.01)),
        ("theirs", Spread(0.5, 0.01)),
    ]


def test_a_quick_run_prints_its_subset_and_keeps_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables.main("m", [plan()], ["--quick"])
    printed = capsys.readouterr().out
    assert "MISSED" in printed
    assert "theirs" not in printed
    assert not list(directory.iterdir())


def test_the_page_names_what_was_missed(directory: Path) -> None:
    tables.main("m", [plan()], [])
    text = report.page(report.kept_tables(directory))
    assert "0 of 1 targets are met" in text
    assert "| ours | 0.5 ± 0.01 (≤ 0.4, **missed**) | 30 |" in text
    assert "- theirs: Their own code." in text


def test_texts_are_renewed_and_figures_stay(directory: Path) -> None:
    tables.main("m", [plan()], [])
    before = tables.read("plan", directory)
    renamed = Table("plan", "Another title", "Text.", plan(error=9.0).rows)
    tables.main("m", [renamed], ["--retell"])
    after = tables.read("plan", directory)
    assert before is not None
    assert after is not None
    assert after.title == "Another title"
    assert [row.figures for row in after.rows] == [row.figures for row in before.rows]


def test_a_row_without_its_figure_misses() -> None:
    assert not Target("gone", 1.0).is_met_by({"error": 0.0})


def test_an_unknown_table_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tables.main("m", [plan()], ["nothing"])
    assert "no table 'nothing'; there are: plan" in capsys.readouterr().err
