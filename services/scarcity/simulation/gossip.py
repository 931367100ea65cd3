"""Gossip in a run: the planner's own core, over all domains, in virtual time."""

from collections.abc import Mapping

from scarcity.client.table import Rows
from scarcity.events.topics import CLIENTS, GLOBAL_MEMORY, GOSSIP_PLAN
from scarcity.events.types import Record
from scarcity.gossip.members import Members
from scarcity.gossip.outgoing import plan_record
from scarcity.gossip.planner import P2PGossipManager
from scarcity.simulation.domain_gossip import DomainGossip
from scarcity.simulation.domain_run import DomainRun
from scarcity.simulation.event_queue import EventQueue
from scarcity.simulation.gossip_scenario import Gossip
from scarcity.simulation.result import GossipLine
from scarcity.simulation.services import Services

PLANNER_READS = (CLIENTS, GLOBAL_MEMORY, GOSSIP_PLAN)


class GossipRun:
    """Plans cycles and lets each domain's clients go through them.

    Args:
        apart: by domain and client, rows by which clients' own priors are judged.
        goes_on: also when nothing else is to happen any more, as in an outage.
    """

    def __init__(
        self,
        scenario: Gossip,
        domains: Mapping[str, DomainRun],
        apart: Mapping[str, Mapping[str, Rows]],
        queue: EventQueue,
        services: Services,
        *,
        seed: int,
        goes_on: bool,
    ) -> None:
        self._scenario = scenario
        self._goes_on = goes_on
        self._queue = queue
        self._services = services
        self._members = Members(round(1000 * scenario.active_s))
        self._manager = P2PGossipManager(scenario.group_size, scenario.max_peers)
        self._domains = {
            name: DomainGossip(scenario, domain, apart[name], queue, services, seed=seed)
            for name, domain in domains.items()
        }
        services.watch(self._read)
        queue.after(scenario.every_s, self._plan)

    def finish(self) -> list[GossipLine]:
        """Look once more at domains that have gone on since the last look; returns all lines."""
        for domain in self._domains.values():
            if domain.cycle and not domain.is_told:
                domain.judge()
        return [line for _, domain in sorted(self._domains.items()) for line in domain.lines]

    def _read(self, record: Record) -> None:
        if record.position.topic in PLANNER_READS:
            self._members.apply(record)

    def _plan(self) -> None:
        self._judge_some()
        if self._queue.is_empty and not self._goes_on:
            return
        plans = self._members.next_plans(self._manager)
        self._members.take(plans)
        records: dict[str, list[Record]] = {}
        for plan in plans:
            record = self._services.publish(plan_record(plan, at_ms=self._queue.now_ms))
            records.setdefault(plan.domain, []).append(record)
        for name, domain in self._domains.items():
            if name in records:
                domain.begin_cycle(records[name])
        self._queue.after(self._scenario.every_s, self._plan)

    def _judge_some(self) -> None:
        """At the end of a cycle, which is the beginning of the next."""
        for domain in self._domains.values():
            is_due = domain.cycle and domain.cycle % self._scenario.judged_every == 0
            if is_due and not domain.is_told:
                domain.judge()
