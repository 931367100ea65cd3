"""All tables of the learning, in the order of docs/results.md."""

from benchmarks.tables import Table

TABLES: tuple[Table, ...] = ()
