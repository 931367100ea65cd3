"""All that the pages show, folded from the topics: the monitor's view, and what it leaves out.

Like the monitor's view it takes no clock and holds nothing that the topics cannot give back.
"""

import re
from collections.abc import Iterator

from scarcity.dashboard.chain_tail import ChainTail
from scarcity.dashboard.clients import ClientIndex
from scarcity.dashboard.domain_detail import DomainDetail
from scarcity.dashboard.letters import Letters
from scarcity.dashboard.lines import (
    MAX_VERSION,
    ClientLine,
    EvictedLine,
    InsightLine,
    ProfileDetail,
    RegisteredLine,
    TensorsLine,
    TriedLine,
)
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.topics import INSIGHTS_PREFIX
from scarcity.events.types import Record
from scarcity.monitor.view import SystemView

# A quote inside a JSON string is escaped, so that no name can look like this key.
_TRIES = re.compile(rb'"candidate_losses"\s*:\s*\{')
MOST_EVICTED = 32  # of a client, as the page shows them
MAX_PEER_NAME = 128  # of a peer that is not known
# The topic is compacted: what a client counted long before the first record of it that is kept
# happened at no time that is known. Above this many it is that; below, one cycle's work.
MOST_AT_ONCE = 8


class Board(SystemView):
    """A SystemView with clients, experts, gossip, ledger and dead letters in detail.

    Attributes:
        clients: of all domains.
        chain: the end of the ledger.
        letters: the newest parked records.
    """

    def __init__(self, memory_limit: int = 0) -> None:
        super().__init__(memory_limit)
        self.clients = ClientIndex()
        self.chain = ChainTail()
        self.letters = Letters()
        self._details: dict[str, DomainDetail] = {}

    def detail(self, domain: str) -> DomainDetail:
        """Of a domain that the view knows."""
        found = self._details.get(domain)
        if found is None:
            found = self._details[domain] = DomainDetail()
        return found

    def names(self) -> list[str]:
        """The domains, sorted."""
        return sorted(self.domains)

    def _insight(self, record: Record) -> None:
        super()._insight(record)
        domain = record.position.topic.removeprefix(INSIGHTS_PREFIX)
        detail = self.detail(domain)
        detail.insight_ms = max(detail.insight_ms, record.timestamp_ms)
        line = decode_json(record.value, InsightLine)
        if record.key != line.client_id.encode():
            return  # the memory parks it
        version = _version(line.meta_version)
        self.clients.heard(domain, line.client_id, record.timestamp_ms, line.avg_loss, version)
        if _TRIES.search(record.value or b""):
            detail.try_starts(decode_json(record.value, TriedLine))

    def _profile(self, record: Record) -> None:
        super()._profile(record)
        if record.value is None:
            name = (record.key or b"").decode(errors="replace")
            self._details.pop(name, None)
            self.clients.drop_domain(name)
            return
        profile = decode_json(record.value, ProfileDetail)
        self.detail(profile.domain).profile = profile

    def _registered(self, record: Record) -> None:
        super()._registered(record)
        if record.value is None:
            return  # the key names no domain; a client that left stays as the memory has it
        told = decode_json(record.value, RegisteredLine)
        if (client := self.clients.touch(told.domain, told.client_id)) is not None:
            client.registered = True
            client.rows, client.leased_scalars = told.rows, told.leased_scalars
            client.limit_reached = told.limit_reached

    def _memory(self, record: Record) -> None:
        super()._memory(record)
        name, _, client_id = (record.key or b"").decode(errors="replace").partition("/")
        if record.value is None:
            client = self.clients.find(name, client_id)
            if client is not None and client.held:
                client.held = False
                self.detail(name).memory.add(record.timestamp_ms, (0, 1))
            return
        line = decode_json(record.value, ClientLine)
        detail = self.detail(line.domain)
        detail.pending += 1
        client = self.clients.touch(line.domain, line.client_id)
        if client is None:
            return
        if not client.held:
            detail.memory.add(record.timestamp_ms, (1, 0))
        client.held = True
        client.accepted, client.rejected = line.accepted, line.rejected
        client.duplicates = line.duplicates
        client.first_seen_ms, client.last_seen_ms = line.first_seen_ms, line.last_seen_ms
        if line.latest is not None:
            client.loss, client.epsilon = line.latest.avg_loss, line.latest.epsilon
            client.version = _version(line.latest.meta_version)

    def _parameters(self, record: Record) -> None:
        super()._parameters(record)
        if record.value is not None:
            line = decode_msgpack(record.value, TensorsLine)
            self.detail(line.domain).parameters(line, record.timestamp_ms)

    def _round(self, record: Record) -> None:
        super()._round(record)
        entry = self.chain.add(record)
        detail = self.detail(entry.domain)
        if entry.reverted:
            detail.reverted.append(entry.version)
        if entry.repair is not None:
            detail.repairs.append(entry.version)

    def _gossip(self, record: Record) -> None:
        super()._gossip(record)
        if record.value is None:
            return
        line = decode_msgpack(record.value, EvictedLine)
        detail = self.detail(line.domain)
        detail.gossip_ms = max(detail.gossip_ms, record.timestamp_ms)
        client = self.clients.touch(line.domain, line.client_id)
        if client is None:
            return
        told = (line.exchanges, line.evictions, line.readmissions)
        if client.gossip is not None:
            grown = [max(0, now - before) for now, before in zip(told, client.gossip, strict=True)]
            detail.gossip.add(record.timestamp_ms, grown)
        elif sum(told) <= MOST_AT_ONCE:
            detail.gossip.add(record.timestamp_ms, told)
        client.gossip = told
        client.evicted = tuple(self._peers(line))

    def _peers(self, line: EvictedLine) -> Iterator[str]:
        """Whom a client leaves out; a name that is known already is not held twice."""
        for name in line.evicted[:MOST_EVICTED]:
            peer = self.clients.find(line.domain, name)
            if peer is not None:
                yield peer.client_id
            elif len(name) <= MAX_PEER_NAME:
                yield name

    def _dead_letter(self, record: Record) -> None:
        super()._dead_letter(record)
        self.letters.add(record)


def _version(told: int | None) -> int:
    """A version that a client names; -1 when it names none, or none that can be."""
    return told if told is not None and 0 <= told <= MAX_VERSION else -1


def staleness(board: Board, domain: str, *, most: int = 8) -> list[int]:
    """Clients by how many versions their latest insight is behind: 0 to ``most`` and more."""
    version = board.domains[domain].version if domain in board.domains else -1
    counts = [0] * (most + 1)
    for client in board.clients.of_domain(domain):
        if client.held and client.version >= 0:
            counts[min(most, max(0, version - client.version))] += 1
    return counts
