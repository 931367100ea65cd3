from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.simulation.scenarios import calm

from scarcity.events.errors import InputError
from scarcity.simulation.commands import check_parquet
from scarcity.simulation.result import SimulationResult
from scarcity.simulation.runner import run
from scarcity.simulation.tables import KINDS, columns, write_parquet


@pytest.fixture(scope="module")
def result() -> SimulationResult:
    return run(calm())


def test_every_line_is_a_row_of_the_file(result: SimulationResult, tmp_path: Path) -> None:
    path = tmp_path / "result.parquet"
    write_parquet(path, result.lines())
    table = pq.read_table(path)
    assert table.column_names == list(columns())
    rows = table.to_pylist()
    assert len(rows) == len(list(result.lines()))
    rounds = [row for row in rows if row["line"] == "round"]
    assert [row["mean_loss"] for row in rounds] == [r.mean_loss for r in result.rounds]
    assert {row["ledger_hash"] for row in rows} == {result.ledger_hash, None}


def test_a_kind_is_a_frame_of_its_own_columns(result: SimulationResult) -> None:
    frame = result.to_pandas("evaluation")
    assert list(frame.columns) == ["line", *KINDS["evaluation"].__struct_fields__]
    assert frame["routed"].tolist() == [e.routed for e in result.evaluations]
    assert len(result.to_pandas()) == len(list(result.lines()))
    with pytest.raises(InputError, match="kind 'rounds' is unknown; one of: simulation, "):
        result.to_pandas("rounds")


def test_a_column_has_one_kind_whichever_line_it_is_of() -> None:
    from typing import get_type_hints

    seen: dict[str, set[str]] = {}
    for cls in KINDS.values():
        for name in cls.__struct_fields__:
            seen.setdefault(name, set()).add(str(get_type_hints(cls)[name]).removesuffix(" | None"))
    assert {n: kinds for n, kinds in seen.items() if len(kinds) > 1} == {}


def test_the_result_tells_itself_in_one_line(result: SimulationResult) -> None:
    told = repr(result)
    assert told.startswith(f"SimulationResult({result.name!r}, seed {result.seed}, ")
    assert len(told) < 200


def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no directory"):
        check_parquet(tmp_path / "nowhere" / "x.parquet")
