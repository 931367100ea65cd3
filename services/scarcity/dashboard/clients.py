"""Each client as the topics tell it, in bounded memory."""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from heapq import nsmallest
from math import isfinite
from typing import Final

MAX_CLIENTS: Final = 100_000  # of all domains; beyond, those that were heard longest ago go
MAX_HISTORIES: Final = 20_000
MAX_NAME: Final = 512  # characters; a longer name is counted and not listed
_FIELDS: Final = 3  # of a point: time, loss, version
_POINTS: Final = 40


class History:
    """Losses that a client published over time: all of it, thinned to 40 points at most."""

    __slots__ = ("_kept", "_last", "_stride", "seen")

    def __init__(self) -> None:
        self._kept = array("d")
        self._last = (0.0, 0.0, 0.0)
        self._stride = 1
        self.seen = 0

    def add(self, at_ms: int, loss: float, version: int) -> None:
        """Append a point; when too many are kept, every other one goes."""
        self._last = (float(at_ms), loss, float(version))
        if self.seen % self._stride == 0:
            self._kept.extend(self._last)
        self.seen += 1
        if len(self._kept) >= _POINTS * _FIELDS:
            kept = self._kept
            points = [kept[i : i + _FIELDS] for i in range(0, len(kept), 2 * _FIELDS)]
            self._kept = array("d", (value for point in points for value in point))
            self._stride *= 2

    def points(self) -> list[tuple[int, float, int]]:
        """(ms since 1970, mean loss, version it was measured on), the oldest first."""
        values = list(self._kept)
        if self.seen and (self.seen - 1) % self._stride:
            values += self._last
        return [
            (int(values[i]), values[i + 1], int(values[i + 2]))
            for i in range(0, len(values), _FIELDS)
        ]


class ClientFacts:
    """What is known of one client.

    Attributes:
        rows, leased_scalars: as it registered them; 0: it did not, or not yet.
        limit_reached: `slopes` or `all` when its privacy limit is reached.
        accepted, rejected, duplicates, first_seen_ms, last_seen_ms, loss, version: of the memory's
            record; ``held``: the memory holds it now.
        gossip: exchanges, evictions and readmissions that it counted.
        evicted: peers that it leaves out today.
        epsilon: with local noise, what it has spent.
    """

    __slots__ = (
        "accepted", "client_id", "domain", "duplicates", "epsilon", "evicted", "first_seen_ms",
        "gossip", "held", "last_seen_ms", "leased_scalars", "limit_reached", "loss", "registered",
        "rejected", "rows", "version",
    )  # fmt: skip

    def __init__(self, domain: str, client_id: str) -> None:
        self.domain = domain
        self.client_id = client_id
        self.registered = False
        self.rows = 0
        self.leased_scalars = 0
        self.limit_reached = ""
        self.held = False
        self.accepted = self.rejected = self.duplicates = 0
        self.first_seen_ms = self.last_seen_ms = 0
        self.loss: float | None = None
        self.version = -1
        self.epsilon: float | None = None
        self.gossip: tuple[int, int, int] | None = None
        self.evicted: tuple[str, ...] = ()


SORTS: Final = {
    "seen": lambda c: (-c.last_seen_ms, c.client_id),
    "loss": lambda c: (c.loss is None, -(c.loss or 0.0), c.client_id),
    "accepted": lambda c: (-c.accepted, c.client_id),
    "rejected": lambda c: (-c.rejected, c.client_id),
    "name": lambda c: (c.client_id, c.domain),
}


class ClientIndex:
    """All clients by domain and name, the one that was heard longest ago first.

    Attributes:
        let_go: clients that were dropped to stay within the bound; ``unlisted``: names too long.
    """

    def __init__(self, max_clients: int = MAX_CLIENTS, max_histories: int = MAX_HISTORIES) -> None:
        self.let_go = 0
        self.unlisted = 0
        self._max_clients = max_clients
        self._max_histories = max_histories
        self._clients: OrderedDict[tuple[str, str], ClientFacts] = OrderedDict()
        self._of_domain: dict[str, dict[str, ClientFacts]] = {}
        self._histories: OrderedDict[tuple[str, str], History] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def touch(self, domain: str, client_id: str) -> ClientFacts | None:
        """The client's facts, made when it is new; None when its name is too long to be listed."""
        key = (domain, client_id)
        found = self._clients.get(key)
        if found is not None:
            self._clients.move_to_end(key)
            return found
        if len(client_id) > MAX_NAME:
            self.unlisted += 1
            return None
        found = self._clients[key] = ClientFacts(domain, client_id)
        self._of_domain.setdefault(domain, {})[client_id] = found
        if len(self._clients) > self._max_clients:
            gone, _ = self._clients.popitem(last=False)
            self.drop(*gone)
            self.let_go += 1
        return found

    def find(self, domain: str, client_id: str) -> ClientFacts | None:
        """The client's facts; None when they are not known."""
        return self._clients.get((domain, client_id))

    def drop(self, domain: str, client_id: str) -> None:
        """Forget a client."""
        self._clients.pop((domain, client_id), None)
        self._histories.pop((domain, client_id), None)
        self._of_domain.get(domain, {}).pop(client_id, None)

    def drop_domain(self, domain: str) -> None:
        """Forget all clients of a domain."""
        for client_id in list(self._of_domain.pop(domain, ())):
            self.drop(domain, client_id)

    def heard(self, domain: str, client_id: str, at_ms: int, loss: float, version: int) -> None:
        """Note a published loss in the client's history.

        Anyone can publish under any name: it makes nobody a client, and pushes no client out.
        """
        if not isfinite(loss) or len(client_id) > MAX_NAME:
            return
        key = (domain, client_id)
        history = self._histories.get(key)
        if history is None:
            history = self._histories[key] = History()
        self._histories.move_to_end(key)
        history.add(at_ms, loss, version)
        if len(self._histories) > self._max_histories:
            self._histories.popitem(last=False)

    def history(self, domain: str, client_id: str) -> list[tuple[int, float, int]]:
        """Points of the client's history, the oldest first."""
        history = self._histories.get((domain, client_id))
        return history.points() if history else []

    def of_domain(self, domain: str) -> Iterator[ClientFacts]:
        """The clients of a domain."""
        return iter(self._of_domain.get(domain, {}).values())

    def search(
        self, text: str, *, domain: str = "", sort: str = "seen", first: int = 0, many: int = 50
    ) -> tuple[int, list[ClientFacts]]:
        """Clients whose name holds ``text`` (case does not matter).

        Args:
            domain: of this domain only; empty: of all.
            sort: one of SORTS.
            first: of the sorted ones, the first to return.

        Returns:
            How many there are, and ``many`` of them.
        """
        wanted = text.casefold()
        pool = self.of_domain(domain) if domain else iter(self._clients.values())
        found = [c for c in pool if not wanted or wanted in c.client_id.casefold()]
        ordered = nsmallest(first + many, found, key=SORTS.get(sort, SORTS["seen"]))
        return len(found), ordered[first:]
