"""Clients that do not count: who was marked, by whom, from where on, and who counts again."""

from typing import Literal

import msgspec


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """From here on a client's insights do not count.

    Attributes:
        by: `check`: the meta-learner's own, after the version that the entry is of; `operator` or
            `repair`: a ruling, before it.
        partition, offset: the last insight of the client that the meta-learner had seen; -1: none.
        evidence: of the check, see meta/quarantine.py.
        ruling: offset in `rulings`; -1 of the check.
    """

    client_id: str
    by: Literal["check", "operator", "repair"]
    partition: int = -1
    offset: int = -1
    evidence: float = 0.0
    ruling: int = -1


class Lift(msgspec.Struct, frozen=True, omit_defaults=True):
    """From this version on a marked client's insights count again; ``ruling``: its offset."""

    client_id: str
    ruling: int


class Repair(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version that is no step: the learned state as it would be without some clients.

    Attributes:
        without: clients whose insights were taken out, of all versions up to the base.
        base_length, base_hash: number of ledger entries that were folded anew, and the hash of
            the last of them. A repair of several domains has an entry of each, one after the other.
        ruling: offset in `rulings` of the operator's request.
    """

    without: tuple[str, ...]
    base_length: int
    base_hash: str
    ruling: int
