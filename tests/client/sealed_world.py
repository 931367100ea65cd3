"""A small world of clients that seal their gossip, without a broker: records go by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.client.worlds import clients, profile, version

from scarcity.client.core import ClientGroup
from scarcity.client.gossip_exchange import Exchange, GossipExchange
from scarcity.client.gossip_sealing import GroupSealing
from scarcity.client.letterbox import Letterbox, signed
from scarcity.client.outgoing import registration_record, weights_record
from scarcity.client.peer_keys import PeerKeys, public_texts
from scarcity.client.refusals import Refusals
from scarcity.client.view import DomainView
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import Outgoing, Position, Record
from scarcity.keys.exchange_key import ExchangeKey
from scarcity.keys.gossip_keys import GossipKeys, PublicGossipKeys
from scarcity.keys.record_signing import RecordVerifier
from scarcity.keys.signing import SigningKey

VERSION = version()


def keys_of(number: int, *, lasting: bool = False) -> GossipKeys:
    """Keys that are the same in every test; numbers from 1 on."""
    seed = bytes([number]) * 32
    return GossipKeys(ExchangeKey(seed), SigningKey(seed), lasting)


def arrived(outgoing: Outgoing, at_ms: int = 0) -> Record:
    """A record as its reader sees it."""
    position = Position(outgoing.topic, 0, 0)
    return Record(position, outgoing.key, outgoing.value, at_ms, outgoing.headers)


def registration(
    client: str, keys: PublicGossipKeys | None, *, at_ms: int = 1000, domain: str = "retail"
) -> Record:
    """A client's record in `clients`."""
    exchange, signing = ("", "") if keys is None else public_texts(keys)
    event = ClientRegistered(client, domain, 12, at_ms, public_key=exchange, signing_key=signing)
    return arrived(registration_record(event, now_ms=at_ms))


def plan(client: str, *peers: str, cycle: int = 1) -> GossipPlan:
    """A client's plan."""
    return GossipPlan(client, "retail", cycle, "exchange", 0, list(peers))


@dataclass
class Party:
    """One process with one client: what it knows, and what it sends."""

    name: str
    keys: GossipKeys
    verifier: RecordVerifier | None = None
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        own = {self.name: self.keys}
        self.group = ClientGroup(profile(), {self.name: clients(8)[self.name]})
        self.group.join(5_000, {})
        self.peers = PeerKeys("retail", own, self.verifier)
        self.box = Letterbox(own, self.peers, self.refusals)
        self.view = DomainView("retail", frozenset({self.name}), letterbox=self.box)
        self.exchange = GossipExchange(
            self.group, sealing=GroupSealing(own, self.peers), refusals=self.refusals
        )

    def offers(self, *peers: str, cycle: int = 1) -> Record:
        """Its message for a group, as it arrives."""
        (weights,) = self.exchange.offer([plan(self.name, *peers, cycle=cycle)], VERSION).weights
        return self.sends(weights)

    def sends(self, weights: GossipWeights, *, by: GossipKeys | None = None) -> Record:
        """A message signed by this party, or by other keys."""
        record = weights_record(weights, now_ms=0)
        return arrived(signed(record, weights.cycle, (by or self.keys).signing))

    def hears(self, *records: Record) -> None:
        """Read records."""
        for record in records:
            self.view.apply(record)

    def planned(self, *peers: str, cycle: int = 1) -> None:
        """Read a plan."""
        event = plan(self.name, *peers, cycle=cycle)
        self.hears(Record(Position("gossip-plan", 0, 0), self.name.encode(), encode_json(event), 0))

    def mixes(self) -> list[Exchange]:
        """Take what was heard for its plan."""
        plans = [self.view.plans[self.name]]
        self.box.count_strangers(plans, self.view.heard)
        return self.exchange.take(plans, VERSION, self.view.heard)

    @property
    def counts(self) -> dict[str, int]:
        """What it refused."""
        return self.refusals.counts


def parties(count: int) -> Sequence[Party]:
    """Clients c0, c1, ... that know each other's keys."""
    made = [Party(f"c{number}", keys_of(number + 1)) for number in range(count)]
    for one in made:
        one.hears(*(registration(p.name, p.keys.public) for p in made))
    return made
