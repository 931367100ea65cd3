"""The insights of a domain that no version has used yet.

Pending are the clients of `global-memory` whose source offset lies above what the domain's last
version used of that insights partition. One number a partition says it for all clients, because
(1) a round takes every pending client, never a sample, and (2) records reach a partition of
`global-memory` in the order of their source offsets: whatever arrives after a round lies above
all that the round took. So no insight is used twice, none is passed over but for a newer one of
the same client, and the set can be rebuilt from `meta-state` and `global-memory` alone.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from scarcity.events.client_memory import ClientMemory
from scarcity.events.insight import Insight

MOST_DEPARTED: Final = 1024


class Heard(NamedTuple):
    """A client's newest insight and where it lies in its domain's insights topic."""

    partition: int
    offset: int
    seen_ms: int
    insight: Insight


class PendingSet:
    """Fresh and active clients of one domain.

    Args:
        used: per insights partition, the highest offset that a version has used.
        departed: clients that left; shared, changed by the owner. They count for nothing.

    Attributes:
        marked: clients of this domain whose insights do not count; set by the owner.
    """

    def __init__(self, used: Mapping[int, int], departed: Collection[str] = ()) -> None:
        self._used = dict(used)
        self._departed = departed
        self.marked: Collection[str] = ()
        self._fresh: dict[str, Heard] = {}
        self._seen_ms: dict[str, int] = {}
        self._opened_ms: dict[str, int] = {}

    @property
    def used(self) -> dict[int, int]:
        """Per insights partition, the highest offset used."""
        return dict(self._used)

    def put(self, memory: ClientMemory) -> None:
        """Take in a client's newest record of `global-memory`."""
        client, source = memory.client_id, memory.source
        self._seen_ms[client] = memory.last_seen_ms
        if source.offset <= self._used.get(source.partition, -1):
            self._forget(client)
            return
        self._fresh[client] = Heard(
            source.partition, source.offset, memory.last_seen_ms, memory.latest
        )
        # A client that reports again before the round closes does not move the deadline.
        self._opened_ms.setdefault(client, memory.last_seen_ms)

    def remove(self, client_id: str) -> None:
        """Forget a client: its record of `global-memory` became a tombstone."""
        self._forget(client_id)
        self._seen_ms.pop(client_id, None)

    def fresh(self) -> list[Heard]:
        """Pending insights in the order of (partition, offset)."""
        return sorted(
            (h for client, h in self._fresh.items() if self._counts(client)),
            key=lambda h: (h.partition, h.offset),
        )

    def count(self) -> int:
        """Number of pending clients."""
        silent = sum(client in self._fresh for client in self._departed)
        silent += sum(c in self._fresh and c not in self._departed for c in self.marked)
        return len(self._fresh) - silent

    def newest(self, client_id: str) -> tuple[int, int]:
        """Partition and offset of a client's pending insight, heard or not; -1 without one."""
        heard = self._fresh.get(client_id)
        return (-1, -1) if heard is None else (heard.partition, heard.offset)

    def departed(self) -> list[str]:
        """Clients that left and whose insight would be pending if they had not; MOST_DEPARTED."""
        left = sorted(client for client in self._fresh if client in self._departed)
        return left[:MOST_DEPARTED]

    def opened_ms(self) -> int | None:
        """Record timestamp of the first insight since the last round; None without one.

        After a restart it is the first that compaction has left: the deadline may come later.
        """
        opened = self._opened_ms
        if self._departed or self.marked:
            opened = {client: t for client, t in opened.items() if self._counts(client)}
        return min(opened.values(), default=None)

    def active(self, now_ms: int, active_s: float) -> int:
        """Clients whose last insight is at most ``active_s`` old."""
        since_ms = now_ms - 1000 * active_s
        seen = self._seen_ms
        silent = {c for c in (*self._departed, *self.marked) if c in seen and seen[c] >= since_ms}
        return sum(t >= since_ms for t in seen.values()) - len(silent)

    def take(self) -> list[Heard]:
        """Use all pending insights: they are returned once, in the order of (partition, offset)."""
        taken = self.fresh()
        for heard in taken:
            before = self._used.get(heard.partition, -1)
            self._used[heard.partition] = max(before, heard.offset)
        # Insights of clients that left or are marked stay for their return, above what was used.
        kept = {c: h for c, h in self._fresh.items() if h.offset > self._used.get(h.partition, -1)}
        self._fresh = kept
        self._opened_ms = {client: self._opened_ms[client] for client in kept}
        return taken

    def _counts(self, client_id: str) -> bool:
        return client_id not in self._departed and client_id not in self.marked

    def _forget(self, client_id: str) -> None:
        self._fresh.pop(client_id, None)
        self._opened_ms.pop(client_id, None)
