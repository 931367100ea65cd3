"""Reads a client's own rows from a CSV file; says where the file is wrong.

The standard csv module is enough and keeps pandas out of the client's image.
"""

import csv
import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import InputError

logger = logging.getLogger(__name__)

_MAX_REMARKS = 5  # clients that are named one by one when they are left out


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one client, standardised by its domain's profile or as in the file.

    Attributes:
        x: float64 [rows, features].
        y: float64 [rows].
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.y)

    def standardised(self, profile: DomainProfile) -> "Rows":
        """(value - centre) / scale for each column of ``profile``.

        Raises:
            ValueError: the profile still lacks a centre or scale.
        """
        if not profile.is_complete:
            raise ValueError(f"domain {profile.domain!r} has no centre and scale yet")
        center = np.array([c.center for c in profile.columns], np.float64)
        scale = np.array([c.scale for c in profile.columns], np.float64)
        return Rows(
            (self.x - center[:-1]) / scale[:-1],
            (self.y - center[-1]) / scale[-1],
        )


def read_clients(
    path: Path,
    profile: DomainProfile,
    *,
    target: str | None = None,
    entity: str | None = None,
    client_id: str | None = None,
) -> dict[str, Rows]:
    """Read the columns of ``profile`` from a CSV file, not standardised.

    Args:
        target: what the person thinks is predicted; must be the profile's target.
        entity: a column of which each value is a client of its own; an entity with too few rows
            is left out with a remark.
        client_id: name of the client, or with ``entity`` what their names begin with.

    Raises:
        InputError: the file cannot be read, lacks a column, holds something other than a finite
            number, or too few rows to adapt on and to test; names file, column and row.
    """
    if target is not None and target != profile.target.name:
        raise InputError(
            f"domain {profile.domain!r} predicts {profile.target.name!r}, not --target {target!r}"
        )
    names = [c.name for c in profile.columns]
    groups: dict[str, list[list[float]]] = {}
    for where, cells in _cells(path, names if entity is None else [*names, entity]):
        group = "" if entity is None else cells.pop().strip()
        if entity is not None and not group:
            raise InputError(f"{where}, column {entity!r}: empty, so the row belongs to no client")
        numbers = [_number(cell, where, name) for cell, name in zip(cells, names, strict=True)]
        groups.setdefault(group, []).append(numbers)
    if not groups:
        raise InputError(f"{path}: no rows below the header")
    if entity is None:
        ids = {"": client_id or _slug(path.stem)}
    else:
        ids = {g: f"{client_id or profile.domain}-{_slug(g)}" for g in groups}
    tables = {ids[g]: np.array(rows, np.float64) for g, rows in groups.items()}
    clients = {c: Rows(t[:, :-1], t[:, -1]) for c, t in tables.items()}
    return _with_enough_rows(path, profile, clients, alone=entity is None)


def check_readable(path: Path, *, target: str | None = None, entity: str | None = None) -> None:
    """Say at once, before a broker is asked for the other columns, what is wrong with a file.

    Raises:
        InputError: the file cannot be read, is empty or not CSV, lacks ``target`` or ``entity``, or
            has something other than a number below ``target``.
    """
    known = [name for name in (target, entity) if name is not None]
    rows = 0
    for where, cells in _cells(path, known):
        rows += 1
        if target is not None:
            _number(cells[0], where, target)
    if not rows:
        raise InputError(f"{path}: no rows below the header")


def _with_enough_rows(
    path: Path, profile: DomainProfile, clients: dict[str, Rows], *, alone: bool
) -> dict[str, Rows]:
    least = profile.support_rows + 1
    needs = (
        f"domain {profile.domain!r} needs at least {least} rows a client "
        f"({profile.support_rows} to adapt on and 1 to test)"
    )
    short = [c for c, rows in clients.items() if len(rows) < least]
    if alone and short:
        rows = len(clients[short[0]])
        raise InputError(f"{path}: ends after row {rows}; {needs}")
    if len(short) == len(clients):
        raise InputError(f"{path}: none of its {len(short)} clients has enough rows; {needs}")
    for client in short[:_MAX_REMARKS]:
        logger.warning("%s: client %s left out: %d rows", path, client, len(clients[client]))
    if len(short) > _MAX_REMARKS:
        logger.warning("%s: and %d more clients left out", path, len(short) - _MAX_REMARKS)
    return {c: rows for c, rows in clients.items() if len(rows) >= least}


def _cells(path: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield where each row stands and its cells of the columns ``names``, in that order."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            places = _places(path, header, names)
            row = 0
            for cells in reader:
                if not cells:
                    continue
                row += 1
                where = f"{path}: row {row} (line {reader.line_num})"
                if len(cells) != len(header):
                    raise InputError(
                        f"{where} has {len(cells)} cells; the header names {len(header)} columns"
                    )
                yield where, [cells[i] for i in places]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8 CSV"
        ) from None
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: not CSV: {error}") from None


def _places(path: Path, header: list[str], names: Sequence[str]) -> list[int]:
    if not any(header):
        raise InputError(f"{path}: is empty; the first line must name the columns")
    places = []
    for name in names:
        if name not in header:
            raise InputError(f"{path}: line 1: no column {name!r}; it has {', '.join(header)}")
        if header.count(name) > 1:
            raise InputError(f"{path}: line 1: column {name!r} is there {header.count(name)} times")
        places.append(header.index(name))
    return places


def _number(cell: str, where: str, name: str) -> float:
    text = cell.strip()
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"{where}, column {name!r}: {'empty' if not text else repr(text[:40])}, want a number"
        ) from None
    if not isfinite(value):
        raise InputError(f"{where}, column {name!r}: {text!r} is not a finite number")
    return value


def _slug(text: str) -> str:
    """Letters, digits, hyphens; the rest becomes a short hash, so that no two values meet.

    >>> _slug("Kenya"), _slug("Korea, South")
    ('Kenya', 'Korea-South-afe4bc')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")[:80]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
