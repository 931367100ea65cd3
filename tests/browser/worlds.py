"""What the browser's tests publish: a small world that an audit can make again, and a crowd."""

import asyncio
from collections.abc import Iterable, Iterator

import msgspec
from tests.audit.ledgers import World
from tests.dashboard.feeding import EVIL, weights
from tests.monitor import records

from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.events.client_memory import ClientMemory, Source
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.dead_letter import park
from scarcity.events.errors import EventError, Reason
from scarcity.events.insight import ExpertInsight
from scarcity.events.types import EXPERT_NAMES, Outgoing, Position, Record

BATCH = 500
ROUNDS = 12


def outgoing(record: Record, *, partition: int | None = None) -> Outgoing:
    """A record as it is published; with its own partition when that matters."""
    topic = record.position.topic
    return Outgoing(topic, record.key, record.value, record.headers, partition)


def small_world() -> World:
    """Three domains of two families, one client of which hurts."""
    world = World(checkpoint_versions=4)
    world.add_domain("retail", "shops")
    for _ in range(ROUNDS):
        world.round("retail", bad="client-4")
    world.add_domain("bakery", "shops")
    world.add_domain("clinic", "wards", columns=5)
    for _ in range(ROUNDS):
        for domain in ("retail", "bakery", "clinic"):
            world.round(domain)
    asyncio.run(world.rule("quarantine", "retail", "client-4"))
    world.round("retail")
    return world


def publish_world(address: str) -> None:
    """Publish the small world: offsets are those of its log, so that the ledger holds."""
    world = small_world()
    asyncio.run(publish(address, [*_as_logged(world), *_others()]))


def _as_logged(world: World) -> Iterator[Outgoing]:
    for topic in list(world.log._arrivals):
        for record in world.log._arrivals[topic]:
            yield outgoing(record, partition=record.position.partition)


def _others() -> Iterator[Outgoing]:
    """What the meta-learner does not write: registrations, evaluations, gossip, dead letters."""
    for domain in ("retail", "bakery"):
        names = [f"client-{n}" for n in range(5)]
        for number, name in enumerate(names):
            yield outgoing(records.registered(name, domain, "slopes" if number == 3 else ""))
            yield outgoing(records.plan(name, domain, [n for n in names if n != name]))
            yield outgoing(
                weights(name, domain, 0, evicted=["client-4"] if number < 3 else [], exchanges=4,
                        evictions=1 if number < 3 else 0)
            )  # fmt: skip
        for version in range(1, 2 * ROUNDS):
            yield outgoing(records.evaluation(domain, version, routed=0.3 + 0.4 / version))
    yield outgoing(records.insight(EVIL, "retail"))
    yield outgoing(records.memory(EVIL, "retail"))
    yield outgoing(records.registered(EVIL, "retail"))
    refused = Record(Position("insights.retail", 1, 7), EVIL.encode(), EVIL.encode(), 0)
    error = EventError(Reason.MALFORMED, f"not an Insight: {EVIL}")
    yield park(refused, error, stage="memory.admission")


async def publish(address: str, found: Iterable[Outgoing]) -> None:
    """Publish in order, in batches."""
    async with KafkaBroker(KafkaSettings(address)) as broker:
        batch: list[Outgoing] = []
        for one in found:
            batch.append(one)
            if len(batch) == BATCH:
                await broker.publish(*batch)
                batch = []
        if batch:
            await broker.publish(*batch)


def crowd_domains(many: int) -> tuple[str, ...]:
    """Names of a crowd's domains."""
    return tuple(f"crowd-{number:02}" for number in range(many))


def crowd(domains: tuple[str, ...], clients: int, at_ms: int) -> Iterator[Outgoing]:
    """Registrations, insights and memory of a crowd, and some rounds of each domain."""
    for domain in domains:
        yield outgoing(records.profile(domain))
        for version in range(20):
            yield outgoing(records.ledger(domain, version, losses=[0.5 - version / 50] * 10))
            yield outgoing(records.evaluation(domain, version, routed=0.3 + 0.1 / (version + 1)))
    for number in range(clients):
        name, domain = f"client-{number:05}", domains[number % len(domains)]
        yield outgoing(records.registered(name, domain))
        yield from heard(name, domain, at_ms)


def heard(name: str, domain: str, at_ms: int, accepted: int = 1) -> Iterator[Outgoing]:
    """An insight of a client with all experts, and the memory's record of it."""
    event = records.insight_event(name, domain, loss=0.2 + (hash(name) % 100) / 200)
    event.expert_insights = {
        expert: ExpertInsight(event.avg_loss, 30, None, [1] * 9) for expert in EXPERT_NAMES
    }
    event = msgspec.structs.replace(event, sequence=accepted, meta_version=19)
    yield Outgoing(f"insights.{domain}", name.encode(), encode_json(event))
    plain = records.memory(name, domain, accepted=accepted, seen_ms=at_ms)
    told = decode_json(plain.value, ClientMemory)
    told = msgspec.structs.replace(
        told, latest=event, source=Source(f"insights.{domain}", 0, accepted)
    )
    yield outgoing(plain._replace(value=encode_json(told)))
