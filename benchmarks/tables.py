"""Tables of measured figures: rows that are commands, targets beside results, JSON that is kept.

A table is a plan (:class:`Table`); running a row gives its figures; the JSON in `docs/results/`
keeps the last full run of every row, and `benchmarks.report` makes `docs/results.md` of it. Nothing
in those two places is typed by hand.
"""

import argparse
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import msgspec

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PACKAGES = ("torch", "numpy", "aiokafka", "scarcity")


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """A mean over repetitions with its standard deviation; shown as `mean ± deviation`."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Mean and sample standard deviation.

        >>> Spread.of([1.0, 3.0])
        Spread(mean=2.0, deviation=1.4142135623730951)
        """
        mean = sum(values) / len(values)
        squares = sum((v - mean) ** 2 for v in values)
        return cls(mean, (squares / max(1, len(values) - 1)) ** 0.5)


Figure = float | Spread | str
Figures = Mapping[str, Figure]


class Target(msgspec.Struct, frozen=True):
    """What a figure should reach.

    Attributes:
        limit: inclusive.
        at_least: the figure should not be below; otherwise not above.
    """

    figure: str
    limit: float
    at_least: bool = False

    def is_met_by(self, figures: Figures) -> bool:
        """Whether the figure is there and reaches the limit; a spread counts by its mean.

        >>> Target("error", 0.5).is_met_by({"error": Spread(0.4, 9.0)})
        True
        >>> Target("error", 0.5).is_met_by({})
        False
        """
        value = figures.get(self.figure)
        mean = value.mean if isinstance(value, Spread) else value
        if not isinstance(mean, int | float):
            return False
        return mean >= self.limit if self.at_least else mean <= self.limit


@dataclass(frozen=True)
class Row:
    """A row that can be measured.

    Attributes:
        run: measures; its argument says whether to be quick (fewer rounds, nothing kept).
        targets: of the full run.
        reference: figures that others published or a probe reached, shown as a line below.
        in_quick: part of the quick subset.
        explanation: shown with the result; why a target is missed, when it is.
    """

    name: str
    run: Callable[[bool], Figures]
    targets: tuple[Target, ...] = ()
    reference: Mapping[str, float] | None = None
    in_quick: bool = False
    explanation: str = ""


@dataclass(frozen=True)
class Table:
    """A plan: which rows, what they say together.

    Attributes:
        name: of the JSON file and on the command line.
        about: protocol, units, which way is better; Markdown.
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]


class Measured(msgspec.Struct):
    """A row as it was measured."""

    name: str
    figures: dict[str, Figure]
    targets: tuple[Target, ...]
    reference: dict[str, float]
    explanation: str
    command: str
    seconds: float
    measured_on: str


class Kept(msgspec.Struct):
    """A table as `docs/results/NAME.json` keeps it."""

    name: str
    title: str
    about: str
    machine: str
    rows: list[Measured]


def machine() -> str:
    """Cores and versions behind the figures, on one line."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    cores = os.cpu_count()
    return f"{cores} cores {platform.machine()}, Python {platform.python_version()}, " + ", ".join(
        found
    )


def show(figure: Figure) -> str:
    """A figure with four significant digits.

    >>> show(0.012345), show(28013.7), show(Spread(0.5, 0.01)), show("alie")
    ('0.01235', '28010', '0.5 ± 0.01', 'alie')
    """
    if isinstance(figure, str):
        return figure
    if isinstance(figure, Spread):
        return f"{show(figure.mean)} ± {show(figure.deviation)}"
    text = f"{figure:.4g}"
    return f"{float(text):.0f}" if "e+" in text else text


def read(name: str, directory: Path = RESULTS) -> Kept | None:
    """The kept results of a table, if any."""
    path = directory / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Kept) if path.exists() else None


def keep(table: Table, measured: Sequence[Measured], directory: Path = RESULTS) -> None:
    """Put rows into the table's file; other rows of the plan stay, those no longer planned go."""
    before = read(table.name, directory)
    rows = {row.name: row for row in (before.rows if before else [])}
    rows |= {row.name: row for row in measured}
    ordered = [rows[row.name] for row in table.rows if row.name in rows]
    write(Kept(table.name, table.title, table.about, machine(), ordered), directory)


def retell(table: Table, directory: Path = RESULTS) -> None:
    """Renew titles and explanations of the kept rows from the plan; figures stay as measured."""
    kept = read(table.name, directory)
    if kept is None:
        return
    told = {row.name: row.explanation for row in table.rows}
    for row in kept.rows:
        row.explanation = told.get(row.name, row.explanation)
    kept.title, kept.about = table.title, table.about
    write(kept, directory)


def write(kept: Kept, directory: Path = RESULTS) -> None:
    """Replace the table's file."""
    directory.mkdir(parents=True, exist_ok=True)
    raw = msgspec.json.format(msgspec.json.encode(kept), indent=2)
    (directory / f"{kept.name}.json").write_bytes(raw + b"\n")


def measure(table: Table, row: Row, *, quick: bool, command: str) -> Measured:
    """Run one row and print it, targets beside results."""
    begun = perf_counter()
    figures = dict(row.run(quick))
    seconds = perf_counter() - begun
    print(f"{table.name} · {row.name} ({seconds:.0f} s)")
    targets = {t.figure: t for t in row.targets}
    for name, value in figures.items():
        line = f"    {name}: {show(value)}"
        if name in targets:
            target = targets[name]
            sign = ">=" if target.at_least else "<="
            verdict = "met" if target.is_met_by(figures) else "MISSED"
            line += f"   (target {sign} {show(target.limit)}: {verdict})"
        if row.reference and name in row.reference:
            line += f"   (reference {show(row.reference[name])})"
        print(line, flush=True)
    return Measured(
        name=row.name,
        figures=figures,
        targets=row.targets,
        reference=dict(row.reference or {}),
        explanation=row.explanation,
        command=command,
        seconds=round(seconds, 1),
        measured_on=datetime.now(UTC).date().isoformat(),
    )


def main(module: str, tables: Sequence[Table], arguments: Sequence[str] | None = None) -> None:
    """Command line of a module with tables; full runs are kept, quick ones are only printed."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("table", nargs="*", help="names of tables; all when none is named")
    parser.add_argument("--rows", default="*", help="shell pattern of row names")
    parser.add_argument("--quick", action="store_true", help="a subset, shorter, not kept")
    parser.add_argument("--list", action="store_true", help="say which rows there are")
    parser.add_argument("--retell", action="store_true", help="renew texts, measure nothing")
    options = parser.parse_args(arguments)
    known = {table.name: table for table in tables}
    unknown = [name for name in options.table if name not in known]
    if unknown:
        parser.error(f"no table {unknown[0]!r}; there are: {', '.join(known)}")
    for name in options.table or known:
        table = known[name]
        if options.retell:
            retell(table)
            continue
        for row in table.rows:
            if not fnmatch(row.name, options.rows) or (options.quick and not row.in_quick):
                continue
            command = f"python -m {module} {name} --rows '{row.name}'"
            if options.list:
                print(command)
                continue
            result = measure(table, row, quick=options.quick, command=command)
            if not options.quick:
                keep(table, [result])
