"""Whose insights a refold leaves out, and up to where in the ledger."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

EVERYWHERE: Final = sys.maxsize


@dataclass(frozen=True)
class TakenOut:
    """Clients, each with the number of ledger entries in which its insights do not count.

    A client that a repair took out and that was readmitted later counts again after the repair.

    >>> out = TakenOut.of(["a"], 5)
    >>> out.keeps("a", 4), out.keeps("a", 5), out.keeps("b", 0)
    (False, True, True)
    """

    until: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, clients: Collection[str], until: int = EVERYWHERE) -> "TakenOut":
        """These clients, in the entries before number ``until``."""
        return cls(dict.fromkeys(clients, until))

    def __bool__(self) -> bool:
        return bool(self.until)

    def keeps(self, client: str, index: int) -> bool:
        """Whether a client's insight counts in the entry of this number."""
        return index >= self.until.get(client, 0)

    def until_of(self, index: int) -> frozenset[str]:
        """Clients whose insights do not count in the entry of this number."""
        return frozenset(client for client, until in self.until.items() if index < until)

    def covers(self, other: "TakenOut") -> bool:
        """Whether all that the other leaves out is left out here."""
        return all(self.until.get(client, 0) >= until for client, until in other.until.items())

    def joined(self, other: "TakenOut") -> "TakenOut":
        """What either leaves out."""
        both = dict(self.until)
        for client, until in other.until.items():
            both[client] = max(until, both.get(client, 0))
        return TakenOut(both)
