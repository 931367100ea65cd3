"""The notebook façade: a server and its clients in one process, without a broker.

The same cores as the services: GlobalMemory, OnlineMAMLEngine, P2PGossipManager and the client's.
Nothing leaves the process, so clients run in privacy mode `open`::

    server = SFHFEServer()
    clients = [SFHFEClient("A", (x_a, y_a), "economic"), SFHFEClient("B", (x_b, y_b), "medical")]
    for _ in range(50):
        result = server.run_communication_round(clients)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from scarcity.client.gossip_exchange import Exchange
from scarcity.client.notebook import SFHFEClient
from scarcity.client.outgoing import insight_record
from scarcity.client.versions import parameters_event
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.types import EXPERT_COUNT, Outgoing, Position, Record
from scarcity.gossip.planner import P2PGossipManager, loss_profile
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.memory.global_memory import DEFAULT_MAX_INSIGHTS, GlobalMemory
from scarcity.meta.recompute import first_version, next_version
from scarcity.meta.scaling import estimate
from scarcity.round_result import RoundResult, clients_frame, rounds_frame

__all__ = ["RoundResult", "SFHFEClient", "SFHFEServer"]

T = TypeVar("T")


@dataclass
class _Domain:
    profile: DomainProfile
    state: DomainState
    used_offset: int = -1
    mean_loss: float | None = None
    cycle: int = 0


class SFHFEServer:
    """Coordinates clients of any number of domains. Domains come into being with their clients.

    Attributes:
        global_memory: what every client last said.
        meta_engine: makes the next version of a domain's meta-parameters.
        gossip_manager: plans who trades with whom.
        communication_round: rounds run so far.
        dead_letters: insights that were refused, with the reason in their headers.
        history: results of the rounds run so far.
    """

    def __init__(
        self,
        num_experts: int = EXPERT_COUNT,
        *,
        max_insights: int = DEFAULT_MAX_INSIGHTS,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """Start without domains.

        Args:
            num_experts: ten; the experts are part of the events' contract.
            max_insights: insights the memory keeps a domain.
            clock: seconds, for the phases' times.

        Raises:
            ValueError: another number of experts.
        """
        if num_experts != EXPERT_COUNT:
            raise ValueError(f"num_experts must be {EXPERT_COUNT}, got {num_experts}")
        self.global_memory = GlobalMemory(max_insights)
        self.meta_engine = OnlineMAMLEngine()
        self.gossip_manager = P2PGossipManager()
        self.communication_round = 0
        self.dead_letters: list[Outgoing] = []
        self.history: list[RoundResult] = []
        self._clock = clock
        self._domains: dict[str, _Domain] = {}
        self._families: dict[str, FamilyState] = {}
        self._offsets: dict[str, int] = {}

    def __repr__(self) -> str:
        domains = ", ".join(f"{n} v{d.state.version}" for n, d in self._domains.items()) or "none"
        return (
            f"SFHFEServer(round {self.communication_round}, domains: {domains}, "
            f"{len(self.global_memory)} clients heard)"
        )

    def receive_insights(self, insights: Insight | Iterable[Insight]) -> int:
        """Fold insights into the global memory; returns how many were accepted.

        Refused ones are kept in ``dead_letters``; a repeated or older sequence is only counted.
        """
        batch = [insights] if isinstance(insights, Insight) else list(insights)
        return sum(self._fold(insight) for insight in batch)

    def _fold(self, insight: Insight) -> bool:
        outgoing = insight_record(insight, now_ms=0)
        offset = self._offsets.get(outgoing.topic, 0)
        self._offsets[outgoing.topic] = offset + 1
        at = Position(outgoing.topic, 0, offset)
        before = self.global_memory.client(insight.client_id, insight.domain)
        result = self.global_memory.fold([Record(at, outgoing.key, outgoing.value, offset)])
        self.dead_letters += result.dead_letters
        after = self.global_memory.client(insight.client_id, insight.domain)
        return after is not None and after.accepted > (before.accepted if before else 0)

    def coordinate_domain_gossip(
        self, clients: Sequence[SFHFEClient]
    ) -> tuple[list[GossipPlan], list[Exchange]]:
        """Plan one gossip cycle of every domain and let the clients trade their priors.

        Returns:
            The plans, waiting ones with their reason, and what became of the exchanges.
        """
        self._join(clients)
        plans: list[GossipPlan] = []
        for name, members in _by_domain(clients).items():
            domain = self._domains[name]
            domain.cycle += 1
            heard = {m.client_id: m for m in self.global_memory.by_domain(name)}
            profiles = {
                c.client_id: loss_profile(
                    {n: e.ewma for n, e in heard[c.client_id].experts.items()}
                    if c.client_id in heard
                    else {}
                )
                for c in members
            }
            plans += self.gossip_manager.plan(name, domain.cycle, profiles)
        named = {c.client_id: c for c in clients}
        trading = [p for p in plans if p.status == "exchange"]
        # All offer before anyone mixes: else the mean of a group would drift.
        for plan in trading:
            named[plan.client_id].gossip_offer(plan.cycle)
        done = [
            named[p.client_id].gossip_exchange([named[peer] for peer in p.peers], cycle=p.cycle)
            for p in trading
        ]
        return plans, [exchange for exchange in done if exchange is not None]

    def collect_insights(self, clients: Sequence[SFHFEClient]) -> list[Insight]:
        """Take the latest insight of every client and fold it into the global memory."""
        self._join(clients)
        insights = [client.extract_insights() for client in clients]
        self.receive_insights(insights)
        return insights

    def process_insights(self) -> dict[str, int]:
        """Make the next version of every domain with new insights; returns the versions."""
        for name, domain in self._domains.items():
            fresh = [
                m
                for m in self.global_memory.by_domain(name)
                if m.source.offset > domain.used_offset
            ]
            if not fresh:
                continue
            family = domain.profile.family
            latest = [m.latest for m in fresh]
            made = next_version(
                self.meta_engine, name, domain.state, self._families[family], latest
            )
            domain.state, self._families[family] = made.domain, made.family
            domain.used_offset = max(m.source.offset for m in fresh)
            domain.mean_loss = None if made.report is None else made.report.mean_loss
        return {name: domain.state.version for name, domain in self._domains.items()}

    def broadcast_meta_parameters(
        self, clients: Sequence[SFHFEClient]
    ) -> dict[str, MetaParameters]:
        """Hand every client its domain's current version; returns them by domain."""
        self._join(clients)
        return self._broadcast(clients)

    def _broadcast(self, clients: Sequence[SFHFEClient]) -> dict[str, MetaParameters]:
        events = {name: self._event(name) for name in _by_domain(clients)}
        for client in clients:
            profile = self._domains[client.domain].profile
            client.receive_meta_parameters(events[client.domain], profile)
        return events

    def run_communication_round(self, clients: Sequence[SFHFEClient]) -> RoundResult:
        """Gossip, collection, processing, broadcast, training: one round of every domain.

        Raises:
            InputError: there are no clients, two have one name, or a client's columns differ from
                its domain's.
        """
        self._join(clients)
        phases_s: dict[str, float] = {}

        def timed(phase: str, step: Callable[[], T]) -> T:
            began = self._clock()
            result = step()
            phases_s[phase] = self._clock() - began
            return result

        plans, exchanges = timed("gossip", lambda: self.coordinate_domain_gossip(clients))
        timed("collection", lambda: self.collect_insights(clients))
        timed("processing", self.process_insights)
        timed("broadcast", lambda: self.broadcast_meta_parameters(clients))
        timed("training", lambda: [client.train_experts() for client in clients])
        self.communication_round += 1
        present = {name: self._domains[name] for name in _by_domain(clients)}
        result = RoundResult(
            self.communication_round,
            phases_s,
            {name: d.state.version for name, d in present.items()},
            {name: d.mean_loss for name, d in present.items() if d.mean_loss is not None},
            exchanges,
            {p.client_id: p.reason for p in plans if p.status == "waiting"},
        )
        self.history.append(result)
        return result

    def to_pandas(self) -> Any:
        """The rounds so far as a DataFrame: a row a round and domain."""
        return rounds_frame(self.history)

    def clients_to_pandas(self) -> Any:
        """What the global memory holds as a DataFrame: a row a client."""
        return clients_frame(
            c for name in self._domains for c in self.global_memory.by_domain(name)
        )

    def _event(self, name: str) -> MetaParameters:
        state, family = self._domains[name].state, self._domains[name].profile.family
        return parameters_event(
            name,
            family,
            state.version,
            state.z,
            state.domain_losses,
            state.candidates,
            state.start_losses,
        )

    def _join(self, clients: Sequence[SFHFEClient]) -> None:
        """Make the domains of clients that are new, and bring those clients up to date."""
        if len({c.client_id for c in clients}) != len(clients) or not clients:
            raise InputError("a round needs clients, each with a name of its own")
        for name, members in _by_domain(clients).items():
            if name not in self._domains:
                self._domains[name] = self._new_domain(name, members)
            columns = tuple(c.name for c in self._domains[name].profile.columns)
            for client in members:
                if client.columns != columns:
                    raise InputError(
                        f"client {client.client_id!r} has columns {client.columns}; "
                        f"domain {name!r} has {columns}"
                    )
        self._broadcast([c for c in clients if not c.has_joined])

    def _new_domain(self, name: str, members: Sequence[SFHFEClient]) -> _Domain:
        columns = members[0].columns
        profile = DomainProfile(
            domain=name,
            family=name,
            features=tuple(map(Column, columns[:-1])),
            target=Column(columns[-1]),
            scaling="estimated",
            privacy="open",
            support_rows=min(c.support_rows for c in members),
            policy=RoundPolicy(min_clients=len(members)),
        )
        complete = estimate(profile, [c.registration() for c in members])
        if complete is None:
            raise InputError(f"domain {name!r}: its clients have different columns")
        made = first_version(self.meta_engine, name, name, len(columns) - 1, self._families)
        self._families[name] = made.family
        return _Domain(complete, made.domain)


def _by_domain(clients: Sequence[SFHFEClient]) -> Mapping[str, list[SFHFEClient]]:
    grouped: dict[str, list[SFHFEClient]] = {}
    for client in clients:
        grouped.setdefault(client.domain, []).append(client)
    return grouped
