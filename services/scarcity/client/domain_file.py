"""Domain profiles as an operator writes them: YAML, one document a domain."""

from pathlib import Path
from typing import Any

import msgspec

from scarcity.broker.yaml_place import read_plain
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

EXAMPLE = """\
domain: retail-eu
family: retail
features:
  - {name: age, center: 40, scale: 12}
  - {name: visits, center: 5, scale: 3}
target: {name: sales, center: 100, scale: 25}
privacy: budget        # or open, for public data; secagg; dp has rules of its own under `dp:`
support_rows: 6
policy: {mode: sync, min_clients: 2, quorum: 0.5, deadline_s: 10}
"""


def read_profiles(path: Path) -> list[DomainProfile]:
    """Read the profiles of a file.

    Raises:
        InputError: unreadable, not YAML, an unknown key or an impossible value; names the place.

    """
    written = read_plain(path)
    if not written:
        raise InputError(f"{path}: holds no domain; `scarcity domain apply --help` shows one")
    return [_profile(path, i, document) for i, document in enumerate(written, 1)]


def _profile(path: Path, number: int, document: Any) -> DomainProfile:
    if not isinstance(document, dict):
        raise InputError(f"{path}: document {number} is not a mapping of keys to values")
    name = document.get("domain")
    where = (
        f"{path}: domain {name!r}" if isinstance(name, str) else f"{path}: domain number {number}"
    )
    _refuse_unknown(where, document, DomainProfile, "")
    for i, feature in enumerate(document.get("features") or []):
        _refuse_unknown(where, feature, Column, f"features[{i}]")
    _refuse_unknown(where, document.get("target"), Column, "target")
    try:
        profile = msgspec.convert(document, DomainProfile)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}") from None
    check_domain(profile.domain)
    return profile


def _refuse_unknown(where: str, value: Any, kind: type[msgspec.Struct], at: str) -> None:
    """A misspelt key would otherwise be ignored, as readers of events do."""
    if not isinstance(value, dict):
        return
    unknown = sorted(str(k) for k in value.keys() - set(kind.__struct_fields__))
    if unknown:
        known = ", ".join(kind.__struct_fields__)
        place = f"{at}: " if at else ""
        raise InputError(f"{where}: {place}unknown key {unknown[0]!r}; known are {known}")
