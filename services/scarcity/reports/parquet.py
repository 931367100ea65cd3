"""Tables as Parquet files, written in batches: memory does not grow with the topics."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scarcity.events.errors import InputError
from scarcity.reports.rows import TABLES, Columns

BATCH_ROWS: Final = 10_000
TYPES: Final[Mapping[str, pa.DataType]] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "floats": pa.list_(pa.float64()),
}


def schema_of(columns: Columns) -> pa.Schema:
    """The Arrow schema of a table."""
    return pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])


def arrow_table(rows: Iterable[Mapping[str, Any]], columns: Columns) -> pa.Table:
    """Rows as an Arrow table; what a row lacks is null."""
    named = [{name: row.get(name) for name in columns} for row in rows]
    return pa.Table.from_pylist(named, schema=schema_of(columns))


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], columns: Columns) -> None:
    """Write one file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        pq.write_table(arrow_table(rows, columns), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None


class ParquetDirectory:
    """One file a table of `rows.TABLES`, all of them there at the end, also those without rows.

    Attributes:
        rows: written or waiting, by table.
    """

    def __init__(self, directory: Path) -> None:
        self.rows = dict.fromkeys(TABLES, 0)
        self._directory = directory
        self._waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        """Open the files.

        Raises:
            InputError: the directory cannot be made or written to.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            for name, columns in TABLES.items():
                path = self._directory / f"{name}.parquet"
                self._writers[name] = pq.ParquetWriter(path, schema_of(columns))
        except OSError as error:
            raise InputError(f"{self._directory}: cannot be written to: {error}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in TABLES:
            self._flush(name)
        for writer in self._writers.values():
            writer.close()

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Append a row."""
        self.rows[table] += 1
        self._waiting[table].append(row)
        if len(self._waiting[table]) >= BATCH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if rows := self._waiting[table]:
            self._writers[table].write_table(arrow_table(rows, TABLES[table]))
            self._waiting[table] = []
