"""Judging versions on clients that never take part."""

import asyncio

import numpy as np
import pytest
from tests.client.worlds import clients, profile

from scarcity.client.evaluation_host import EvaluationHost
from scarcity.client.outgoing import profile_record
from scarcity.client.settings import Pacing
from scarcity.client.versions import parameters_event
from scarcity.events.codec import decode_json, encode_msgpack
from scarcity.events.domain_profile import Column
from scarcity.events.evaluation import Evaluation
from scarcity.events.types import Outgoing
from scarcity.learning.initial import default_z
from scarcity.simulation.log import MemoryLog


def parameters(number: int) -> Outgoing:
    event = parameters_event("retail", "retail", number, default_z(2), np.full(10, np.nan))
    return Outgoing("meta-parameters", b"retail", encode_msgpack(event))


async def evaluations(log: MemoryLog, count: int) -> list[Evaluation]:
    async with asyncio.timeout(30):
        while len(found := await log.read_all("evaluations")) < count:
            await asyncio.sleep(0.01)
    return [decode_json(r.value, Evaluation) for r in found]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


async def test_each_new_version_is_judged_once_and_no_insight_is_published(log: MemoryLog) -> None:
    host = EvaluationHost(log, profile(), clients(3), Pacing(interval_s=0.01), now_ms=lambda: 77)
    task = asyncio.create_task(host.run())
    await log.publish(parameters(4))
    await evaluations(log, 1)
    await log.publish(parameters(5))
    found = await evaluations(log, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [(e.version, e.clients, e.written_at_ms) for e in found] == [(4, 3, 77), (5, 3, 77)]
    assert found[0].routed < found[0].own_mean
    assert sum(found[0].routing) == pytest.approx(1.0)
    assert await log.read_all("insights.retail") == []
    assert await log.read_all("clients") == []


async def test_it_waits_for_the_scaling_that_meta_estimates(log: MemoryLog) -> None:
    raw = profile(scaling="estimated", features=(Column("a"), Column("b")), target=Column("y"))
    host = EvaluationHost(log, raw, clients(2), Pacing(interval_s=0.01), now_ms=lambda: 0)
    task = asyncio.create_task(host.run())
    await log.publish(parameters(1))
    await asyncio.sleep(0.05)
    assert await log.read_all("evaluations") == []
    await log.publish(profile_record(profile(scaling="estimated"), now_ms=0))
    assert len(await evaluations(log, 1)) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
