"""What a comparison found, and how it is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

MOST_SHOWN = 3


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes:
        compared: how many things were looked at.
        wrong: what does not hold.
    """

    name: str
    compared: int
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For the closing table."""
        sign = "ok  " if not self.wrong else "DIFF"
        lines = [f"{sign}  {self.name}: {self.compared} compared, {len(self.wrong)} differ"]
        lines += [f"        {text}" for text in self.wrong[:MOST_SHOWN]]
        return lines


def unequal(expected: Mapping[Any, object], found: Mapping[Any, object]) -> list[str]:
    """Keys whose values differ, and keys that only one side has."""
    wrong = [f"{key!r} is missing" for key in expected.keys() - found.keys()]
    wrong += [f"{key!r} should not be there" for key in found.keys() - expected.keys()]
    wrong += [
        f"{key!r}: {_difference(str(value), str(found[key]))}"
        for key, value in expected.items()
        if key in found and found[key] != value
    ]
    return wrong


def _difference(want: str, got: str) -> str:
    """Where two texts part, and a little around it.

    >>> _difference("accepted: 7", "accepted: 8")
    'at 10: want ...accepted: 7, found ...accepted: 8'
    """
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(want, got, strict=False)))
    part = slice(max(0, same - 60), same + 60)
    return f"at {same}: want ...{want[part]}, found ...{got[part]}"


def all_hold(checks: Iterable[Check]) -> bool:
    """Nothing differs, and something was compared."""
    checks = list(checks)
    return bool(checks) and not any(check.wrong for check in checks)
