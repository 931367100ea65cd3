from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.dead_letters.letters import parked
from tests.monitor import records

from scarcity.events.errors import InputError
from scarcity.reports.commands import rows_into
from scarcity.reports.parquet import ParquetDirectory, arrow_table
from scarcity.reports.rows import TABLES, row_of


def written(directory: Path) -> dict[str, list[dict]]:
    with ParquetDirectory(directory) as tables:
        take = rows_into(tables)
        take(records.a_session())
        take(records.a_private_session())
        take([records.record("ledger", "retail", b"no JSON"), parked(3)])
    found = {path.stem: pq.read_table(path) for path in directory.iterdir()}
    assert {name: table.num_rows for name, table in found.items()} == tables.rows
    return {name: table.to_pylist() for name, table in found.items()}


def test_records_come_back_from_the_files(tmp_path: Path) -> None:
    tables = written(tmp_path / "new")
    assert tables.keys() == TABLES.keys()
    first = tables["insights"][0]
    assert (first["domain"], first["client_id"], first["at_ms"]) == ("retail", "retail-1", 100)
    assert (first["expert_losses"], first["has_slopes"], first["sequence"]) == ([0.5], False, 1)
    retail = [row for row in tables["rounds"] if row["domain"] == "retail"]
    assert [row["version"] for row in retail] == list(range(1, 31))
    assert (retail[0]["collection_s"], retail[0]["broadcast_s"]) == (0.2, None)
    assert [r["epsilon"] for r in tables["rounds"] if r["domain"] == "ward"] == [0.5, 0.75]
    assert tables["evaluations"][0]["own_ridge"] == 0.5
    assert [row["limit_reached"] for row in tables["clients"]][-2:] == ["slopes", "all"]
    assert tables["dead_letters"][-1]["source"] == "insights.retail[2]@103"


def test_every_column_of_a_row_is_one_of_its_table() -> None:
    for record in [*records.a_session(), *records.a_private_session(), parked()]:
        if (row := row_of(record)) is not None:
            assert row[1].keys() <= TABLES[row[0]].keys()


def test_a_table_without_rows_keeps_its_columns() -> None:
    table = arrow_table([], TABLES["rounds"])
    assert table.column_names == list(TABLES["rounds"])


def test_a_directory_that_cannot_be_made_is_the_persons_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written to"),
        ParquetDirectory(tmp_path / "file"),
    ):
        pass
