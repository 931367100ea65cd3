"""What tests of a host over the in-process log share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import numpy as np

from scarcity.client.core import ClientGroup
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.client.versions import parameters_event
from scarcity.events.codec import decode_json, decode_msgpack, encode_json, encode_msgpack
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import Insight
from scarcity.events.types import Outgoing
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.learning.initial import default_z
from scarcity.simulation.log import MemoryLog
from scarcity.telemetry.spans import Spans

SLOW = Pacing(interval_s=1000.0)


def parameters(number: int) -> Outgoing:
    """A version of the meta-parameters."""
    event = parameters_event("retail", "retail", number, default_z(2), np.full(10, np.nan))
    return Outgoing("meta-parameters", b"retail", encode_msgpack(event))


def plans(cycle: int, *names: str) -> list[Outgoing]:
    """Plans of one group."""
    return [
        Outgoing(
            "gossip-plan",
            c.encode(),
            encode_json(
                GossipPlan(c, "retail", cycle, "exchange", 0, [p for p in names if p != c])
            ),
        )
        for c in names
    ]


async def insights(log: MemoryLog) -> list[Insight]:
    """All that was published."""
    return [decode_json(r.value, Insight) for r in await log.read_all("insights.retail")]


async def offers(log: MemoryLog) -> list[GossipWeights]:
    """All priors that were published."""
    return [decode_msgpack(r.value, GossipWeights) for r in await log.read_all("gossip.retail")]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    log: MemoryLog,
    group: ClientGroup,
    pacing: Pacing = SLOW,
    *,
    now_ms: int = 5_000,
    keys: Mapping[str, GossipKeys] | None = None,
    spans: Spans | None = None,
) -> AsyncIterator[ClientHost]:
    """A host that runs while the block does; its error is raised at the end."""
    host = ClientHost(log, group, pacing, now_ms=lambda: now_ms, keys=keys, spans=spans)
    task = asyncio.create_task(host.run())
    try:
        yield host
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def traded(log: MemoryLog, *, cycle: int, exchanges: int) -> bool:
    """Whether both of two clients have offered in a cycle, after so many exchanges."""
    latest = {w.client_id: w for w in await offers(log)}
    return sum(w.cycle == cycle and w.exchanges >= exchanges for w in latest.values()) == 2
