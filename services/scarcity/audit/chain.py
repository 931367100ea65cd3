"""The ledger as a chain: each entry names the hash of the one before, each domain counts up.

Source: hash chaining after Haber and Stornetta (1991), J. Cryptology 3, 99-111.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scarcity.audit.log import Head
from scarcity.events.codec import decode_json
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.types import Position, Record


class Fault(StrEnum):
    """What can be wrong with a ledger or a version (a closed set)."""

    MALFORMED = "malformed"
    CHAIN = "broken chain"
    GAP = "gap"
    FORK = "fork"
    HEAD = "end of the ledger"
    SIGNATURE = "signature"
    SENDER = "sender"
    CHECKPOINT = "checkpoint"
    RULING = "ruling"
    INPUTS = "inputs"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Finding:
    """Something that must not be. ``where`` names an entry or a record, ``text`` says what."""

    fault: Fault
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.where}: {self.text}"


@dataclass(frozen=True)
class Link:
    """An entry, where it lies, and its hash.

    ``in_order``: it is the next version of its domain. ``index``: its number among those that could
    be read, from 0.
    """

    position: Position
    entry: LedgerEntry
    hash: str
    in_order: bool
    index: int = 0

    @property
    def name(self) -> str:
        """`<domain>@<version>`."""
        return f"{self.entry.domain}@{self.entry.version}"


@dataclass(frozen=True)
class Chain:
    """The entries that could be read, and what is wrong with their order."""

    links: tuple[Link, ...]
    findings: tuple[Finding, ...]

    def latest(self, domain: str) -> int | None:
        """Highest version of a domain; None when it has none."""
        versions = [link.entry.version for link in self.links if link.entry.domain == domain]
        return max(versions, default=None)


class ChainReader:
    """Walks a ledger, record after record.

    Attributes:
        links: the entries so far that could be read; this list grows.
        findings: what is wrong with their order.
    """

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.findings: list[Finding] = []
        self._followed: dict[str, Link] = {}  # by parent
        self._known: dict[str, Link] = {}  # by own hash
        self._versions: dict[str, int] = {}

    def read(self, record: Record) -> Link | None:
        """Take the next record; None when it holds no entry."""
        try:
            entry = decode_json(record.value, LedgerEntry)
        except EventError as error:
            self.findings.append(Finding(Fault.MALFORMED, str(record.position), str(error)))
            return None
        links, before = self.links, self._versions.get(entry.domain, -1)
        in_order = entry.version == before + 1
        link = Link(record.position, entry, entry.hash(), in_order, len(links))
        if record.key != entry.domain.encode():
            text = f"the key is {record.key!r}; it must be the domain"
            self.findings.append(Finding(Fault.MALFORMED, _place(link), text))
        last = links[-1] if links else None
        self.findings += _check_parent(link, last, self._followed, self._known)
        self.findings += _check_version(link, before)
        self._versions[entry.domain] = max(before, entry.version)
        self._followed.setdefault(entry.parent, link)
        self._known.setdefault(link.hash, link)
        links.append(link)
        return link


def read_chain(ledger: Iterable[Record], head: Head | None = None) -> Chain:
    """Walk the ledger.

    Args:
        ledger: records in the order of the log.
        head: the end as its writer noted it; entries above it may be there already.
    """
    reader = ChainReader()
    for record in ledger:
        reader.read(record)
    findings = list(reader.findings)
    if head is not None and head.length:
        findings += _check_head(reader.links, head)
    return Chain(tuple(reader.links), tuple(findings))


def _place(link: Link) -> str:
    return f"{link.name} ({link.position})"


def _check_parent(
    link: Link, before: Link | None, followed: dict[str, Link], known: dict[str, Link]
) -> list[Finding]:
    parent = link.entry.parent
    if parent == (before.hash if before else ""):
        return []
    if (other := followed.get(parent)) is not None:
        text = f"it follows the entry that {_place(other)} follows already"
        return [Finding(Fault.FORK, _place(link), text)]
    if before is None:
        text = f"the ledger begins with an entry whose parent {_short(parent)} is not there"
        return [Finding(Fault.GAP, _place(link), text)]
    if parent in known:
        text = f"it follows {_place(known[parent])}, which is not the entry before"
        return [Finding(Fault.FORK, _place(link), text)]
    text = (
        f"its parent is {_short(parent)}, the entry before, {_place(before)}, has the hash "
        f"{_short(before.hash)}: that one was changed, or one between them is missing"
    )
    return [Finding(Fault.CHAIN, _place(link), text)]


def _check_version(link: Link, before: int) -> list[Finding]:
    domain, version = link.entry.domain, link.entry.version
    if version == before + 1:
        return []
    if version <= before:
        text = f"version {version} of {domain} comes after its version {before}"
        return [Finding(Fault.FORK, _place(link), text)]
    missing = f"version {before + 1}" if version == before + 2 else (
        f"versions {before + 1} to {version - 1}"
    )  # fmt: skip
    return [Finding(Fault.GAP, _place(link), f"{missing} of {domain} missing before it")]


def _check_head(links: list[Link], head: Head) -> list[Finding]:
    where = f"entry number {head.length}"
    if len(links) < head.length and not any(link.hash == head.ledger_hash for link in links):
        text = (
            f"the writer noted it with the hash {_short(head.ledger_hash)}; "
            f"the ledger has {len(links)} entries and none with that hash"
        )
        return [Finding(Fault.HEAD, where, text)]
    # A ledger that lost its beginning is reported as a gap; its end can still be the right one.
    at = min(head.length, len(links)) - 1
    if links[at].hash == head.ledger_hash:
        return []
    text = f"the writer noted {head.ledger_hash}, {_place(links[at])} has {links[at].hash}"
    return [Finding(Fault.HEAD, where, text)]


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if digest else "empty"
