"""The planner over the in-process log: active or standing by, restarts, bad records."""

import asyncio

from tests.gossip.test_members import registered, seen

from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_json
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.types import Outgoing, Record
from scarcity.gossip.service import Planner
from scarcity.gossip.settings import GossipSettings
from scarcity.simulation.log import MemoryLog


def again(record: Record) -> Outgoing:
    return Outgoing(record.position.topic, record.key, record.value)


async def world() -> MemoryLog:
    log = MemoryLog()
    for each in (
        registered("a"),
        registered("c"),
        seen("a"),
        seen("c"),
        registered("b", "medical"),
    ):
        await log.publish(again(each))
    return log


async def follow(log: MemoryLog, *, active: bool = True) -> tuple[Planner, "asyncio.Task[None]"]:
    planner = Planner(log, GossipSettings(KafkaSettings()))
    planner.active = active
    task = asyncio.create_task(planner.follow())
    for _ in range(50):
        await asyncio.sleep(0)
    return planner, task


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def published(log: MemoryLog) -> list[GossipPlan]:
    return [decode_json(r.value, GossipPlan) for r in await log.read_all("gossip-plan") if r.value]


async def test_the_active_planner_writes_a_plan_for_every_client() -> None:
    log = await world()
    planner, task = await follow(log)
    await planner.plan_cycle()
    await stop(task)
    by_client = {p.client_id: p for p in await published(log)}
    assert by_client["a"].peers == ["c"]
    assert by_client["b"].status == "waiting"


async def test_a_planner_that_stands_by_writes_nothing() -> None:
    log = await world()
    planner, task = await follow(log, active=False)
    assert await planner.plan_cycle() == []
    await stop(task)
    assert await published(log) == []


async def test_a_planner_that_takes_over_counts_the_cycles_on() -> None:
    log = await world()
    for _ in range(2):
        planner, task = await follow(log)
        await planner.plan_cycle()
        await stop(task)
    cycles = [p.cycle for p in await published(log) if p.client_id == "a"]
    assert cycles == [1, 2]


async def test_a_client_that_left_gets_a_tombstone() -> None:
    log = await world()
    planner, task = await follow(log)
    await planner.plan_cycle()
    await log.publish(Outgoing("clients", b"c", None))
    await asyncio.sleep(0.01)
    await planner.plan_cycle()
    await stop(task)
    tombstones = [r.key for r in await log.read_all("gossip-plan") if r.value is None]
    assert tombstones == [b"c"]


async def test_a_bad_record_is_parked_once_it_is_new_and_the_planner_goes_on() -> None:
    log = await world()
    await log.publish(Outgoing("clients", b"old", b"{"))
    planner, task = await follow(log)
    await log.publish(Outgoing("clients", b"new", b"{"))
    await asyncio.sleep(0.01)
    assert await planner.plan_cycle()
    await stop(task)
    parked = await log.read_all("dead-letters")
    assert [r.key for r in parked] == [b"new"]
    assert dict(parked[0].headers)["dl_stage"] == b"gossip.members"
