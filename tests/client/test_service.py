"""A host of clients over the in-process log: joins, follows, publishes, trades, restarts."""

import asyncio
from functools import partial

import pytest
from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError
from tests.client.hosting import (
    SLOW,
    insights,
    offers,
    parameters,
    plans,
    running,
    traded,
    until,
)
from tests.client.worlds import clients, profile

from scarcity.client.core import ClientGroup
from scarcity.client.outgoing import profile_record
from scarcity.client.service import ClientHost, publish_surely
from scarcity.client.settings import Pacing
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.domain_profile import Column
from scarcity.events.errors import BrokerError, ServiceError
from scarcity.events.types import Outgoing
from scarcity.simulation.log import MemoryLog


async def test_a_client_joins_and_publishes_one_insight_for_each_version() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    async with running(log, ClientGroup(profile(), clients(2))):
        await until(lambda: has(log, 2))
        await log.publish(parameters(1))
        await until(lambda: has(log, 4))
    answered = sorted((i.client_id, i.meta_version or 0) for i in await insights(log))
    assert answered == [("c0", 0), ("c0", 1), ("c1", 0), ("c1", 1)]
    joined = [decode_json(r.value, ClientRegistered) for r in await log.read_all("clients")]
    assert sorted(e.client_id for e in joined) == ["c0", "c1"]
    later = [i for i in await insights(log) if i.meta_version == 1]
    assert all(e.previous_loss is not None for i in later for e in i.expert_insights.values())


async def has(log: MemoryLog, count: int) -> bool:
    return len(await insights(log)) >= count


async def test_a_newcomer_answers_the_newest_version_only() -> None:
    log = MemoryLog()
    await log.publish(*(parameters(n) for n in range(5)))
    async with running(log, ClientGroup(profile(), clients(1))):
        await until(lambda: has(log, 1))
    assert [i.meta_version for i in await insights(log)] == [4]


async def test_without_a_newer_version_clients_publish_again_after_the_interval() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    async with running(log, ClientGroup(profile(), clients(1)), Pacing(interval_s=0.01)):
        await until(lambda: has(log, 3))
    published = await insights(log)
    sequences = [i.sequence for i in published]
    assert len(set(sequences)) == len(published)
    assert {i.meta_version for i in published} == {0}


async def test_a_large_host_draws_some_of_its_clients_for_each_version() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    pacing = Pacing(interval_s=1000.0, clients_per_round=3)
    async with running(log, ClientGroup(profile(), clients(9)), pacing):
        for number in range(1, 5):
            await until(partial(has, log, 3 * number))
            await log.publish(parameters(number))
        await until(lambda: has(log, 15))
    by_version: dict[int | None, set[str]] = {}
    for insight in await insights(log):
        by_version.setdefault(insight.meta_version, set()).add(insight.client_id)
    assert {len(names) for names in by_version.values()} == {3}
    assert len(set.union(*by_version.values())) > 3


async def test_a_restart_goes_on_above_its_last_sequence() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    for count, now_ms in ((1, 90_000), (2, 5_000)):
        async with running(log, ClientGroup(profile(), clients(1)), now_ms=now_ms):
            await until(partial(has, log, count))
    first, second = [i.sequence for i in await insights(log)]
    assert first is not None
    assert second is not None
    assert second > first


async def test_two_clients_exchange_their_priors_through_the_topic() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    one, two = clients(2).items()
    async with (
        running(log, ClientGroup(profile(), dict([one]))),
        running(log, ClientGroup(profile(), dict([two]))),
    ):
        # A cycle that comes too soon cuts the one before short, so the second need not count yet.
        for cycle in (1, 2, 3):
            await log.publish(*plans(cycle, "c0", "c1"))
            await until(partial(traded, log, cycle=cycle, exchanges=cycle - 2))
    assert {w.sealing for w in await offers(log)} == {"hpke-1"}


async def test_a_restarted_client_does_not_repeat_a_cycle_and_keeps_its_counters() -> None:
    log = MemoryLog()
    await log.publish(parameters(0), *plans(1, "c0", "c1"))
    async with running(log, ClientGroup(profile(), clients(2))):
        for cycle in (1, 2, 3):
            await log.publish(*plans(cycle, "c0", "c1"))
            await until(partial(traded, log, cycle=cycle, exchanges=cycle - 2))
    before = len(await offers(log))
    async with running(log, ClientGroup(profile(), clients(2))):
        await log.publish(*plans(4, "c0", "c1"))
        await until(lambda: traded(log, cycle=4, exchanges=1))
    assert len(await offers(log)) == before + 2


async def test_a_bad_record_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog()
    await log.publish(Outgoing("meta-parameters", b"retail", b"\xc1"), parameters(1))
    async with running(log, ClientGroup(profile(), clients(1))):
        await until(lambda: has(log, 1))
    assert "meta-parameters[" in caplog.text
    assert "passed over" in caplog.text


async def test_a_client_waits_for_the_scaling_that_meta_estimates() -> None:
    log = MemoryLog()
    raw = profile(scaling="estimated", features=(Column("a"), Column("b")), target=Column("y"))
    await log.publish(parameters(0))
    async with running(log, ClientGroup(raw, clients(1))):
        await until(lambda: registered(log))
        assert await insights(log) == []
        await log.publish(profile_record(profile(scaling="estimated"), now_ms=0))
        await until(lambda: has(log, 1))


async def registered(log: MemoryLog) -> bool:
    return bool(await log.read_all("clients"))


async def test_a_name_that_another_domain_holds_is_refused() -> None:
    log = MemoryLog()
    event = ClientRegistered("c0", "health", 3, 0)
    await log.publish(Outgoing("clients", b"c0", encode_json(event)))
    host = ClientHost(log, ClientGroup(profile(), clients(1)), SLOW, now_ms=lambda: 0)
    with pytest.raises(ServiceError, match="registered in domain 'health'"):
        await host.run()


async def test_a_profile_with_other_columns_ends_the_host() -> None:
    log = MemoryLog()
    await log.publish(profile_record(profile(target=Column("z", 0.0, 1.0)), now_ms=0))
    host = ClientHost(log, ClientGroup(profile(), clients(1)), SLOW, now_ms=lambda: 0)
    with pytest.raises(ServiceError, match="restart this client"):
        await asyncio.wait_for(host.run(), 30)


class _Refusing(MemoryLog):
    def __init__(self, cause: Exception, times: int) -> None:
        super().__init__()
        self._cause = cause
        self._times = times

    async def publish(self, *outgoing: Outgoing) -> None:
        if self._times:
            self._times -= 1
            raise BrokerError("publish: it did not work") from self._cause
        await super().publish(*outgoing)


async def test_a_broker_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scarcity.client.service.RETRY_S", 0.0)
    log = _Refusing(KafkaTimeoutError(), times=3)
    await publish_surely(log, Outgoing("t", b"k", b"v"))
    assert len(await log.read_all("t")) == 1


async def test_a_topic_that_does_not_exist_is_not_waited_for() -> None:
    with pytest.raises(BrokerError):
        await publish_surely(
            _Refusing(UnknownTopicOrPartitionError(), times=1), Outgoing("t", b"k", b"v")
        )
