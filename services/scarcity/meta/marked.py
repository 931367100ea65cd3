"""Who is marked, as the ledger tells it."""

from collections import defaultdict
from collections.abc import Iterable

from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.standing import Mark


def marked_clients(entries: Iterable[LedgerEntry]) -> dict[str, dict[str, tuple[Mark, int]]]:
    """By domain and client, the mark and the version that told it; domains without one too.

    Args:
        entries: in the order of the ledger.
    """
    marked: dict[str, dict[str, tuple[Mark, int]]] = defaultdict(dict)
    for entry in entries:
        clients = marked[entry.domain]
        for lift in entry.lifted:
            clients.pop(lift.client_id, None)
        clients.update({mark.client_id: (mark, entry.version) for mark in entry.marks})
    return dict(marked)
