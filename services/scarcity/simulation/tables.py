"""A simulation's lines as one table: a column a field, and `line` names the kind of each row.

Kinds are those of result.jsonl: simulation, domain, evaluation, prequential, gossip, round. Fields
that a kind lacks are null in its rows.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

import msgspec

from scarcity.events.errors import InputError
from scarcity.simulation.result import (
    DomainLine,
    EvaluationLine,
    GossipLine,
    Line,
    PrequentialLine,
    RoundLine,
    SimulationLine,
)

KINDS: Final = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        SimulationLine,
        DomainLine,
        EvaluationLine,
        PrequentialLine,
        GossipLine,
        RoundLine,
    )
}
_COLUMN_KINDS: Final[dict[Any, str]] = {str: "text", int: "int", float: "float", bool: "bool"}


@cache
def columns() -> dict[str, str]:
    """Every column and what it holds, as `reports/parquet.py` names it."""
    found = {"line": "text"}
    for cls in KINDS.values():
        for name, hint in get_type_hints(cls).items():
            if name in cls.__struct_fields__:
                found[name] = _column_kind(hint)
    return found


def rows(lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """A row a line; a map is told as JSON."""
    for line in lines:
        told = {"line": str(line.__struct_config__.tag), **msgspec.structs.asdict(line)}
        yield {
            name: msgspec.json.encode(value).decode() if isinstance(value, dict) else value
            for name, value in told.items()
        }


def write_parquet(path: Path, lines: Iterable[Line]) -> None:
    """Write one Parquet file.

    Raises:
        InputError: it cannot be written.
        ModuleNotFoundError: the extra `arrow` is not installed.
    """
    from scarcity.reports.parquet import write_table

    write_table(path, rows(lines), columns())


def lines_frame(lines: Iterable[Line], kind: str | None = None) -> Any:
    """Lines as a pandas DataFrame.

    Args:
        kind: only lines of this kind, with its own columns; None: all of them.

    Raises:
        InputError: the kind is unknown.
    """
    import pandas as pd

    if kind is not None and kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown; one of: {', '.join(KINDS)}")
    chosen = [row for row in rows(lines) if kind in (None, row["line"])]
    names = columns() if kind is None else ["line", *KINDS[kind].__struct_fields__]
    return pd.DataFrame(chosen, columns=list(names))


def _column_kind(hint: Any) -> str:
    if isinstance(hint, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    return _COLUMN_KINDS.get(hint, "text")
