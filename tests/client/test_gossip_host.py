"""Gossip of running hosts over the in-process log: sealed by default, and under attack."""

import asyncio
from functools import partial

import msgspec
import pytest
from tests.client.hosting import offers, parameters, plans, running, traded, until
from tests.client.sealed_world import keys_of
from tests.client.worlds import clients, profile

from scarcity.client.core import ClientGroup
from scarcity.client.letterbox import SIGNATURE_HEADER, signed
from scarcity.client.outgoing import profile_record, weights_record
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import Outgoing
from scarcity.simulation.log import MemoryLog


def group(name: str, **changes: object) -> ClientGroup:
    return ClientGroup(profile(**changes), {name: clients(3)[name]})  # type: ignore[arg-type]


async def cycles(log: MemoryLog, first: int, *names: str) -> int:
    """Cycles until all have mixed again; returns the number of the next one.

    One that comes too soon may cut the one before short.
    """
    before = {w.client_id: w.exchanges for w in await offers(log)}
    for cycle in range(first, first + 30):
        await log.publish(*plans(cycle, *names))
        await until(partial(traded, log, cycle=cycle, exchanges=0))
        latest = {w.client_id: w.exchanges for w in await offers(log)}
        if all(count > before.get(client, 0) for client, count in latest.items()):
            return cycle + 1
        await asyncio.sleep(0.02)
    pytest.fail("nobody mixed")


async def test_a_registration_tells_the_keys_of_its_process() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    async with running(log, ClientGroup(profile(), clients(2))):
        await until(lambda: has_registered(log, 2))
    told = [decode_json(r.value, ClientRegistered) for r in await log.read_all("clients")]
    assert all(event.public_key and event.signing_key for event in told)
    assert len({event.public_key for event in told}) == 1


async def has_registered(log: MemoryLog, count: int) -> bool:
    return len(await log.read_all("clients")) >= count


async def test_attacks_through_the_topic_are_refused_and_learning_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    keys = [{"c0": keys_of(1)}, {"c1": keys_of(2)}]
    async with (
        running(log, group("c0"), keys=keys[0]),
        running(log, group("c1"), keys=keys[1]),
    ):
        following = await cycles(log, 1, "c0", "c1")
        honest = [r for r in await log.read_all("gossip.retail") if r.key == b"c1"]
        old = Outgoing("gossip.retail", b"c1", honest[0].value, honest[0].headers)
        weights = decode_msgpack(honest[-1].value, GossipWeights)
        newest = msgspec.structs.replace(weights, cycle=following)
        changed = weights_record(msgspec.structs.replace(weights, evicted=["c0"]), now_ms=0)
        signature = (SIGNATURE_HEADER, dict(honest[-1].headers)[SIGNATURE_HEADER])
        await log.publish(
            old,
            changed._replace(headers=(*changed.headers, signature)),
            signed(weights_record(newest, now_ms=0), following, keys_of(7).signing),
            weights_record(
                msgspec.structs.replace(newest, sealing="none", payload=b"\x80"), now_ms=0
            ),
        )
        following = await cycles(log, following, "c0", "c1")
        # What a process refused is told with its next message.
        await cycles(log, following, "c0", "c1")
    assert any(
        w.refused == {"forged": 2, "replayed": 1, "unsealed": 1}
        for w in await offers(log)
        if w.client_id == "c0"
    )
    for reason in ("forged", "replayed", "unsealed"):
        assert f"gossip refused ({reason}): 'c1'" in caplog.text


async def test_a_domain_may_ask_for_plain_gossip_when_its_data_are_public() -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    plain = profile(gossip_encryption="plain")
    async with running(log, ClientGroup(plain, clients(2))):
        await cycles(log, 1, "c0", "c1")
    assert {w.sealing for w in await offers(log)} == {"none"}


async def test_a_domain_that_asks_for_sealed_gossip_gets_it_without_a_restart() -> None:
    log = MemoryLog()
    plain = profile(gossip_encryption="plain")
    await log.publish(parameters(0), profile_record(plain, now_ms=0))
    async with running(log, ClientGroup(plain, clients(2))) as host:
        first = await cycles(log, 1, "c0", "c1")
        await log.publish(profile_record(profile(), now_ms=0))

        async def is_taken() -> bool:
            return host.view.profile == profile()

        await until(is_taken)
        await cycles(log, first, "c0", "c1")
    assert {w.sealing for w in await offers(log) if w.cycle >= first} == {"hpke-1"}
    assert {w.sealing for w in await offers(log) if w.cycle < first} == {"none"}


async def test_a_domain_cannot_make_running_clients_open_their_gossip(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = MemoryLog()
    await log.publish(parameters(0))
    async with running(log, ClientGroup(profile(), clients(2))):
        following = await cycles(log, 1, "c0", "c1")
        await log.publish(profile_record(profile(gossip_encryption="plain"), now_ms=0))
        await cycles(log, following, "c0", "c1")
    assert {w.sealing for w in await offers(log)} == {"hpke-1"}
    assert "go on sealing" in caplog.text


async def test_a_peer_without_keys_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log = MemoryLog()
    await log.publish(parameters(0))
    async with running(log, ClientGroup(profile(), clients(2))):
        for cycle in (1, 2, 3):
            await log.publish(*plans(cycle, "c0", "c1", "c9"))
            await until(partial(traded, log, cycle=cycle, exchanges=0))
    assert caplog.text.count("get nothing: 1, among them 'c9'") == 1
