"""The planner's worker: follows `clients` and `global-memory`, writes `gossip-plan` each cycle.

It keeps no state that the topics cannot give back: it reads them from their start, its own plans
too, so that cycles go on counting. The worker that the group gives partition 0 of `clients` is
the active one; others follow and stand by. Should two plan the same cycle during a rebalance,
they plan the same: a plan depends on (domain, cycle) and the members alone.
"""

import logging
from collections.abc import Mapping
from typing import Final

from faust.types import TP, StreamT
from mode import Service

from scarcity.broker.faust_app import ScarcityApp, create_app, run_app
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.protocol import Broker
from scarcity.events.dead_letter import park
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.topics import CLIENTS, GLOBAL_MEMORY, GOSSIP_PLAN
from scarcity.events.types import Outgoing, Record
from scarcity.gossip.members import Members
from scarcity.gossip.outgoing import plan_record
from scarcity.gossip.settings import GossipSettings
from scarcity.keys.registration_guard import counting, guard_of
from scarcity.telemetry.json_lines import about

logger = logging.getLogger(__name__)

FOLLOWED: Final = (CLIENTS, GLOBAL_MEMORY, GOSSIP_PLAN)
ACTIVE_PARTITION: Final = 0  # of `clients`: whoever is given it plans


class Planner:
    """Follows the members and plans cycles over a broker.

    Attributes:
        active: whether this worker is the one that writes.
    """

    def __init__(self, broker: Broker, settings: GossipSettings) -> None:
        self.active = False
        self._broker = broker
        self._manager = settings.manager
        self._members = Members(int(settings.active_s * 1000), guard_of(settings.enrolling))
        self._caught_up = False
        self._newest_ms = 0

    async def follow(self) -> None:
        """Keep the members at the end of the topics, for ever.

        Raises:
            BrokerError: a topic does not exist, or the broker refused.
        """
        async for batch in self._broker.stream(*FOLLOWED):
            for record in batch:
                await self._apply(record)
            self._caught_up = self._caught_up or not batch

    async def plan_cycle(self) -> list[GossipPlan]:
        """Plan the next cycle of every domain and publish it; nothing while standing by."""
        if not (self.active and self._caught_up):
            return []
        plans = self._members.next_plans(self._manager)
        gone = self._members.departed()
        # The plan's time is the newest record's: the planner has no clock.
        outgoing = [plan_record(p, at_ms=self._newest_ms) for p in plans]
        outgoing += [Outgoing(GOSSIP_PLAN, client.encode(), None) for client in gone]
        if outgoing:
            await self._broker.publish(*outgoing)
            self._members.take(plans)
        exchanging = [p for p in plans if p.status == "exchange"]
        for domain in sorted({p.domain for p in exchanging}):
            own = [p for p in exchanging if p.domain == domain]
            logger.info(
                "domain %s: cycle %d, %d clients in %d groups",
                domain,
                own[0].cycle,
                len(own),
                len({p.group for p in own}),
                extra=about(domain=domain),
            )
        return plans

    async def _apply(self, record: Record) -> None:
        self._newest_ms = max(self._newest_ms, record.timestamp_ms)
        try:
            self._members.apply(record)
        except EventError as error:
            told = about(record.position, headers=record.headers, reason=error.reason.value)
            logger.warning("%s passed over: %s", record.position, error, extra=told)
            # What was there at the start was parked by the worker of that time.
            if self.active and self._caught_up:
                parked = park(record, error, stage="gossip.members")
                await self._broker.publish(parked)


def create_gossip_app(settings: GossipSettings) -> ScarcityApp:
    """The Faust app whose worker plans."""
    app = create_app("gossip", settings.kafka)
    registrations = app.topic(CLIENTS, key_serializer="raw", value_serializer="raw")

    @app.agent(registrations)
    async def take_seats(stream: "StreamT[bytes]") -> None:
        """Read on, so that the group hands out the partitions that say who plans."""
        async for _ in stream:
            pass

    @app.service
    class Planning(Service):
        @Service.task
        async def plan_for_ever(self) -> None:
            async with KafkaBroker(settings.kafka, client_id="scarcity-gossip") as broker:
                planner = Planner(broker, settings)
                logger.info("gossip: registrations count %s", counting(settings.enrolling))
                follower = self.add_future(planner.follow())
                while not self.should_stop:
                    await self.sleep(settings.cycle_s)
                    if follower.done():
                        follower.result()
                    active = TP(CLIENTS, ACTIVE_PARTITION) in app.consumer.assignment()
                    if active != planner.active:
                        logger.info("gossip: %s", "plans from now on" if active else "stands by")
                    planner.active = active
                    if not self.should_stop:
                        await planner.plan_cycle()

    return app


def main(environ: Mapping[str, str]) -> None:
    """Run the worker until SIGINT or SIGTERM.

    Raises:
        InputError: a value of the environment is wrong.
        ServiceError: the broker refused the service for good.
    """
    run_app(create_gossip_app(GossipSettings.from_environment(environ)))
