"""The end of the ledger, and whether each entry names the hash of the one before it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from scarcity.events.codec import decode_json
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.types import Position, Record

MAX_ENTRIES: Final = 2_000
MOST_BREAKS: Final = 20


@dataclass(frozen=True)
class Entry:
    """An entry, where it lies, its hash, and whether it follows the one before.

    ``index``: its number in the ledger as it was read, from 0.
    """

    index: int
    position: Position
    entry: LedgerEntry
    hash: str
    follows: bool


class ChainTail:
    """The newest entries of the ledger; the audit looks at all of them.

    Attributes:
        length: entries read.
        breaks: names of the newest entries that do not follow the one before; ``broken``: how many.
    """

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self.length = 0
        self.broken = 0
        self.breaks: deque[str] = deque(maxlen=MOST_BREAKS)
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._last_hash = ""

    def add(self, record: Record) -> LedgerEntry:
        """Take the next record of the ledger; returns its entry.

        Raises:
            EventError: it holds no entry.
        """
        entry = decode_json(record.value, LedgerEntry)
        # A ledger whose beginning was taken away begins with a parent that is not there.
        follows = entry.parent == self._last_hash
        if not follows:
            self.broken += 1
            self.breaks.append(f"{entry.domain}@{entry.version}")
        self._last_hash = entry.hash()
        self._entries.append(Entry(self.length, record.position, entry, self._last_hash, follows))
        self.length += 1
        return entry

    def newest(self, domain: str = "", *, before: int | None = None, many: int = 40) -> list[Entry]:
        """The newest entries, of a domain or of all, the newest first.

        Args:
            before: those with a lower index only.
        """
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if before is not None and entry.index >= before:
                continue
            if domain in ("", entry.entry.domain):
                found.append(entry)
                if len(found) == many:
                    break
        return found
