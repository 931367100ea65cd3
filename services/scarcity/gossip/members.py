"""Who could take part in a domain's gossip, from the topics `clients` and `global-memory`. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from scarcity.events.client_memory import ExpertMemory
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import SCHEMA_VERSION, decode_json
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.topics import CLIENTS, GLOBAL_MEMORY, GOSSIP_PLAN
from scarcity.events.types import Record
from scarcity.gossip.planner import P2PGossipManager, Profile, loss_profile
from scarcity.keys.registration_guard import RegistrationGuard

NOISED = "privacy mode dp: priors are not traded"


class _Seen(msgspec.Struct):
    """The part of a ClientMemory that the planner needs; the rest is not even decoded."""

    domain: str
    client_id: str
    experts: dict[str, ExpertMemory]
    last_seen_ms: int
    schema_version: str = SCHEMA_VERSION


@dataclass
class Members:
    """Clients of every domain, their loss profiles, and their plans of the last cycle.

    Attributes:
        active_ms: a client is active while its last insight is at most this much older than the
            newest of its domain. Both are record times, so no clock decides: when the memory dies,
            its clients stay as active as they were.
        registrations: judge of registrations; None: whoever may write to the topic may register.
    """

    active_ms: int
    registrations: RegistrationGuard | None = None
    _registered: dict[str, str] = field(default_factory=dict)
    _noised: set[str] = field(default_factory=set)
    _seen: dict[str, tuple[str, int, list[float]]] = field(default_factory=dict)
    _plans: dict[str, GossipPlan] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Take one record in.

        Raises:
            EventError: it breaks its contract; nothing changed.
        """
        key = (record.key or b"").decode(errors="replace")
        topic = record.position.topic
        if topic == CLIENTS:
            value = record.value
            registered = None if value is None else decode_json(value, ClientRegistered)
            if self.registrations is not None:
                domain = None if registered is None else registered.domain
                self.registrations.check(record, domain)
            self._registered.pop(key, None)
            self._noised.discard(key)
            if registered is not None:
                self._registered[key] = registered.domain
                self._noised.update({key} if registered.privacy == "dp" else ())
        elif topic == GLOBAL_MEMORY:
            client = key.partition("/")[2]
            if record.value is None:
                self._seen.pop(client, None)
            else:
                seen = decode_json(record.value, _Seen)
                profile = loss_profile({n: e.ewma for n, e in seen.experts.items()})
                self._seen[client] = (seen.domain, seen.last_seen_ms, profile)
        elif topic == GOSSIP_PLAN:
            if record.value is None:
                self._plans.pop(key, None)
            else:
                self._plans[key] = decode_json(record.value, GossipPlan)

    def next_plans(self, manager: P2PGossipManager) -> list[GossipPlan]:
        """Plans of each domain's next cycle, without those that would only repeat a wait."""
        newest: dict[str, int] = {}
        for domain, at, _ in self._seen.values():
            newest[domain] = max(at, newest.get(domain, 0))
        domains: dict[str, dict[str, Profile | None]] = {}
        noised: dict[str, list[str]] = {}
        for client, domain in self._registered.items():
            if client in self._noised:
                # Groups follow the losses, and every client of the domain reads the groups.
                noised.setdefault(domain, []).append(client)
                continue
            # No one was heard: the memory is away or has not begun. Peers can do without it.
            profile: Profile | None = []
            if domain in newest:
                profile = self._profile(client, domain, newest[domain] - self.active_ms)
            domains.setdefault(domain, {})[client] = profile
        plans = []
        for domain in sorted(domains):
            cycle = self._last_cycle(domain) + 1
            plans += manager.plan(domain, cycle, domains[domain])
        for domain, clients in noised.items():
            cycle = self._last_cycle(domain) + 1
            plans += [GossipPlan(c, domain, cycle, reason=NOISED) for c in sorted(clients)]
        return [p for p in plans if not self._repeats(p)]

    def take(self, plans: Iterable[GossipPlan]) -> None:
        """Remember plans that were just published, before they are read back."""
        self._plans |= {p.client_id: p for p in plans}

    def departed(self) -> list[str]:
        """Clients that have a plan and left; from now on they are forgotten."""
        gone = sorted(self._plans.keys() - self._registered.keys())
        for client in gone:
            del self._plans[client]
        return gone

    def _profile(self, client: str, domain: str, since_ms: int) -> Profile | None:
        named, at, profile = self._seen.get(client, ("", 0, []))
        return profile if named == domain and at >= since_ms else None

    def _last_cycle(self, domain: str) -> int:
        return max((p.cycle for p in self._plans.values() if p.domain == domain), default=0)

    def _repeats(self, plan: GossipPlan) -> bool:
        last = self._plans.get(plan.client_id)
        return (
            plan.status == "waiting"
            and last is not None
            and (last.status, last.reason, last.domain) == ("waiting", plan.reason, plan.domain)
        )
