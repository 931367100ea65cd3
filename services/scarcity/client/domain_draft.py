"""A first profile of a domain, drafted from a CSV file: which columns, how many rows to adapt."""

import csv
from collections import Counter
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Final, Literal

from scarcity.client.budget import Budget
from scarcity.client.table import check_readable
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import check_domain

MOST_FEATURES: Final = 12
MOST_SUPPORT: Final = 6
FEWEST_CLIENTS: Final = 2
LOSSES_A_ROUND: Final = 33  # ten experts: loss, previous loss and three candidates at most


@dataclass(frozen=True)
class Draft:
    """A drafted profile and what a person should know of it.

    Attributes:
        left_out: columns that are no features, and why.
        rows: of the file.
        clients: entities; 1 without an entity column.
        least_rows: of the smallest client.
    """

    profile: DomainProfile
    left_out: dict[str, str]
    rows: int
    clients: int
    least_rows: int

    def remarks(self) -> list[str]:
        """What a person should know; a line each."""
        profile = self.profile
        said = [
            f"{profile.target.name} from {', '.join(c.name for c in profile.features)}; "
            f"{self.rows} rows, {self.clients} clients, {profile.support_rows} rows to adapt on"
        ]
        said += [f"column {name} is left out: {why}" for name, why in self.left_out.items()]
        budget = Budget.of(
            rows=self.rows // self.clients, columns=len(profile.features), mode=profile.privacy
        )
        if profile.privacy == "open":
            said.append(
                "privacy open: what clients publish can give their rows back. For public data only"
            )
        elif budget.limit is not None and budget.limit < LOSSES_A_ROUND:
            said.append(
                f"privacy budget: a client of {self.rows // self.clients} rows may publish "
                f"{budget.limit} numbers, less than a round takes: it will follow and stay silent. "
                "Larger clients, mode dp, or for public data --privacy open"
            )
        return said


def draft_profile(
    path: Path,
    domain: str,
    *,
    target: str,
    entity: str | None = None,
    family: str | None = None,
    privacy: Literal["budget", "open"] = "budget",
) -> Draft:
    """Draft a profile: every column of finite numbers but target and entity is a feature.

    Args:
        target: column to predict.
        entity: column of which each value is a client.
        family: default: the domain itself.

    Raises:
        InputError: the file cannot be read, lacks a column, has no feature or too few rows.
    """
    check_domain(domain)
    check_readable(path, target=target, entity=entity)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [[cell.strip() for cell in cells] for cells in csv.reader(file) if cells]
    header, body = rows[0], rows[1:]
    features: list[Column] = []
    left_out: dict[str, str] = {}
    for place, name in enumerate(header):
        if name in (target, entity):
            continue
        why = _why_no_feature([cells[place] for cells in body])
        if header.count(name) > 1:
            why = "its name stands twice"
        elif not why and len(features) >= MOST_FEATURES:
            why = f"{MOST_FEATURES} features are enough for a draft"
        if why:
            left_out[name or f"number {place + 1}"] = why
        else:
            features.append(Column(name))
    if not features:
        raise InputError(
            f"{path}: no column but the target holds numbers only: a domain needs one feature "
            f"({'; '.join(f'{name}: {why}' for name, why in left_out.items()) or 'none is there'})"
        )
    counts = _counts(header, body, entity)
    usual = int(median(counts.values()))
    if usual < 2:
        raise InputError(
            f"{path}: most clients have one row; a client needs two, one to adapt on and one to "
            "test" + (f": is {entity!r} the column of clients?" if entity else "")
        )
    profile = DomainProfile(
        domain,
        family or domain,
        tuple(features),
        Column(target),
        scaling="estimated",
        privacy=privacy,
        support_rows=max(1, min(MOST_SUPPORT, usual // 2)),
        policy=RoundPolicy(mode="sync", min_clients=FEWEST_CLIENTS, quorum=0.5, deadline_s=10.0),
    )
    return Draft(profile, left_out, len(body), len(counts), min(counts.values()))


def _why_no_feature(cells: list[str]) -> str:
    """Why a column cannot be a feature; empty: it can."""
    values = set()
    for number, cell in enumerate(cells, 1):
        try:
            value = float(cell)
        except ValueError:
            return f"row {number} holds {cell[:20]!r}, no number" if cell else f"row {number} empty"
        if not isfinite(value):
            return f"row {number} holds {cell[:20]!r}, which is not finite"
        values.add(value)
    return "" if len(values) > 1 else "all rows hold the same"


def _counts(header: list[str], body: list[list[str]], entity: str | None) -> Counter[str]:
    if entity is None:
        return Counter({"": len(body)})
    place = header.index(entity)
    return Counter(cells[place] for cells in body)


def as_yaml(profile: DomainProfile) -> str:
    """The profile as `scarcity domain apply` reads it, for a person to go on with."""
    policy = profile.policy
    features = "".join(f"  - {{name: {_quoted(c.name)}}}\n" for c in profile.features)
    return (
        f"domain: {profile.domain}\n"
        f"family: {profile.family}  # domains of one family share what they learn\n"
        f"features:\n{features}"
        f"target: {{name: {_quoted(profile.target.name)}}}\n"
        f"scaling: {profile.scaling}  # or give each column its center and scale\n"
        f"privacy: {profile.privacy}  # budget, dp, secagg; open: for public data only\n"
        f"support_rows: {profile.support_rows}  # rows a client adapts on\n"
        f"policy: {{mode: {policy.mode}, min_clients: {policy.min_clients}, "
        f"quorum: {policy.quorum:g}, deadline_s: {policy.deadline_s:g}}}\n"
    )


def _quoted(name: str) -> str:
    plain = name.replace("_", "").replace("-", "").isalnum() and not name[:1].isdigit()
    is_word = plain and name.lower() not in ("null", "true", "false", "yes", "no", "on", "off")
    return name if is_word and name.isascii() else "'" + name.replace("'", "''") + "'"
