"""What the clients of one process know of their domain, from the topics they follow. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple

from scarcity.client.letterbox import Letterbox
from scarcity.client.versions import Version, Versions
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import CLIENTS, DOMAINS, GOSSIP_PLAN, META_PARAMETERS, gossip_topic
from scarcity.events.types import Record


class Told(NamedTuple):
    """A message in the name of an own client; ``is_own``: with the keys that it has now."""

    weights: GossipWeights
    is_own: bool


@dataclass
class DomainView:
    """The latest of everything.

    Attributes:
        own: names of this process's clients.
        letterbox: says which messages are let in where gossip is sealed; None: all are.
        plans: latest gossip plan of each own client.
        heard: latest message of each client of the domain that was let in, own ones too.
        told: latest message in the name of each own client, let in or not.
    """

    domain: str
    own: frozenset[str]
    profile: DomainProfile | None = None
    letterbox: Letterbox | None = None
    versions: Versions = field(default_factory=Versions)
    plans: dict[str, GossipPlan] = field(default_factory=dict)
    heard: dict[str, GossipWeights] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics to follow from their start."""
        return (DOMAINS, META_PARAMETERS, GOSSIP_PLAN, CLIENTS, gossip_topic(self.domain))

    def apply(self, record: Record) -> None:
        """Take one record in; other domains' records change nothing.

        Nor do tombstones, other than those of registrations: who left is sealed for no more.

        Raises:
            EventError: the record breaks its contract; the view is as it was.
        """
        if record.position.topic == CLIENTS:
            if self.letterbox is not None:
                self.letterbox.learn(record)
            return
        if record.key is None or record.value is None:
            return
        topic, key = record.position.topic, record.key.decode(errors="replace")
        if topic == GOSSIP_PLAN:
            if key in self.own:
                plan = decode_json(record.value, GossipPlan)
                _same(key, plan.client_id)
                self.plans[key] = plan
        elif topic == gossip_topic(self.domain):
            weights = decode_msgpack(record.value, GossipWeights)
            _same(key, weights.client_id)
            _same(self.domain, weights.domain)
            box = self.letterbox
            if key in self.own:
                self.told[key] = Told(weights, box is None or box.is_own(record, weights))
            if box is None or box.admits(record, weights, self.plans):
                self.heard[key] = weights
        elif key != self.domain:
            return
        elif topic == DOMAINS:
            profile = decode_json(record.value, DomainProfile)
            _same(key, profile.domain)
            self.profile = profile
        elif topic == META_PARAMETERS:
            event = decode_msgpack(record.value, MetaParameters)
            _same(key, event.domain)
            self.versions.see(Version.of(event))


def _same(key: str, named: str) -> None:
    if key != named:
        raise EventError(Reason.WRONG_KEY, f"the key is {key!r}, but the event names {named!r}")
