"""What the broker's disk holds of sealed gossip, and what attackers reach through a real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.client.sealed_world import keys_of
from tests.client.worlds import profile, rows

from scarcity.broker.clock import now_ms
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import KafkaBroker
from scarcity.broker.settings import KafkaSettings
from scarcity.client.core import ClientGroup
from scarcity.client.gossip_sealing import GroupSealing, InTheClear, Sealing
from scarcity.client.letterbox import signed
from scarcity.client.outgoing import weights_record
from scarcity.client.peer_keys import PeerKeys
from scarcity.client.service import ClientHost
from scarcity.client.settings import Pacing
from scarcity.client.versions import parameters_event
from scarcity.events.codec import decode_msgpack, encode_json, encode_msgpack
from scarcity.events.errors import BrokerError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipDeviation, GossipWeights
from scarcity.events.topics import gossip_topic
from scarcity.events.types import Outgoing, Record
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.learning.initial import default_z

pytestmark = pytest.mark.kafka

PACING = Pacing(interval_s=1000.0, gossip_wait_s=1.0)
WINDOW = 12
Keys = dict[str, GossipKeys]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def client(
    address: str, domain: str, name: str, keys: GossipKeys, encryption: str
) -> AsyncIterator[None]:
    """A process with one client."""
    asked = profile(domain, gossip_encryption=encryption)
    group = ClientGroup(asked, {name: rows(len(name) + ord(name[-1]))})
    async with KafkaBroker(KafkaSettings(address), client_id=f"client-{name}") as broker:
        host = ClientHost(broker, group, PACING, now_ms=now_ms, keys={name: keys})
        task = asyncio.create_task(host.run())
        try:
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def broker(kafka_address: str) -> AsyncIterator[KafkaBroker]:
    async with KafkaBroker(KafkaSettings(kafka_address)) as broker:
        yield broker


async def begin(broker: KafkaBroker, domain: str) -> None:
    """Wait until the topics of a new domain are seen, then give it parameters."""

    async def visible() -> bool:
        try:
            await broker.read_all(gossip_topic(domain))
        except BrokerError:
            return False
        return True

    await until(visible)
    event = parameters_event(domain, domain, 0, default_z(2), np.full(10, np.nan))
    await broker.publish(Outgoing("meta-parameters", domain.encode(), encode_msgpack(event)))


async def cycle(broker: KafkaBroker, domain: str, number: int, *names: str) -> None:
    """Plan one cycle of a group; returns when all its members have offered."""
    plans = [
        GossipPlan(n, domain, number, "exchange", 0, [p for p in names if p != n]) for n in names
    ]
    await broker.publish(
        *(Outgoing("gossip-plan", p.client_id.encode(), encode_json(p)) for p in plans)
    )
    await until(partial(offered, broker, domain, number, names))


async def trade(broker: KafkaBroker, domain: str, first: int, *names: str) -> int:
    """Cycles until all members have mixed once more; returns the number of the next."""
    before = exchanges(await messages(broker, domain))
    for number in range(first, first + 20):
        await cycle(broker, domain, number, *names)
        counts = exchanges(await messages(broker, domain))
        if all(counts[name] > before.get(name, 0) for name in names):
            return number + 1
        await asyncio.sleep(0.2)  # a plan that comes too soon cuts the cycle before short
    pytest.fail("nobody mixed")


def exchanges(found: "list[tuple[Record, GossipWeights]]") -> dict[str, int]:
    return {weights.client_id: weights.exchanges for _, weights in found}


async def messages(broker: KafkaBroker, domain: str) -> list[tuple[Record, GossipWeights]]:
    found = await broker.read_all(gossip_topic(domain))
    return [(r, decode_msgpack(r.value, GossipWeights)) for r in found]


async def offered(broker: KafkaBroker, domain: str, number: int, names: tuple[str, ...]) -> bool:
    found = {w.client_id for _, w in await messages(broker, domain) if w.cycle == number}
    return set(names) <= found


def traces(plain: bytes) -> list[bytes]:
    """Bytes of a prior as they might lie on a disk: int8 levels, scales, floats of both widths."""
    content = decode_msgpack(plain, GossipDeviation)
    levels = np.frombuffer(content.levels.data, np.int8).reshape(10, 64)
    scales = np.frombuffer(content.scales.data, np.float64)
    values = levels * scales[:, None]
    forms = [
        content.levels.data,
        content.scales.data,
        values.tobytes(),
        values.astype(np.float32).tobytes(),
    ]
    windows = [form[at : at + WINDOW] for form in forms for at in range(0, len(form), WINDOW)]
    return [window for window in windows if len(set(window)) > WINDOW // 2]


def on_disk(directory: Path, windows: list[bytes]) -> int:
    """How many of these bytes any segment of any topic holds."""
    whole = b"\x00".join(path.read_bytes() for path in directory.rglob("*.log"))
    return sum(window in whole for window in windows)


@pytest.mark.parametrize("encryption", ["plain", "sealed"])
async def test_the_brokers_disk_holds_no_plain_weight(
    encryption: str,
    broker: KafkaBroker,
    kafka: EmbeddedKafka,
    fresh_topics: Callable[[str], str],
) -> None:
    domain = fresh_topics(encryption)
    await begin(broker, domain)
    a, b = f"{domain}-a", f"{domain}-b"
    keys: Keys = {a: keys_of(1), b: keys_of(2)}
    address = kafka.bootstrap_servers
    async with (
        client(address, domain, a, keys[a], encryption),
        client(address, domain, b, keys[b], encryption),
    ):
        await trade(broker, domain, 1, a, b)
    reader: Sealing = InTheClear()
    if encryption == "sealed":
        reader = GroupSealing(keys, PeerKeys(domain, keys))
    windows = []
    for _, weights in await messages(broker, domain):
        other = b if weights.client_id == a else a
        windows += traces(reader.open(weights, other))
    assert len(windows) > 1000
    found = on_disk(kafka.data_dir, windows[::10])
    # In the clear levels and scales are found, so the search would find them.
    assert found > 5 if encryption == "plain" else found == 0


async def test_attacks_are_refused_and_the_group_goes_on(
    broker: KafkaBroker,
    kafka_address: str,
    fresh_topics: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    domain = fresh_topics("attacked")
    await begin(broker, domain)
    a, b, c = (f"{domain}-{letter}" for letter in "abc")
    topic, keys = gossip_topic(domain), {a: keys_of(1), b: keys_of(2), c: keys_of(3)}
    async with (
        client(kafka_address, domain, a, keys[a], "sealed"),
        client(kafka_address, domain, b, keys[b], "sealed"),
    ):
        async with client(kafka_address, domain, c, keys[c], "sealed"):
            following = await trade(broker, domain, 1, a, b, c)
        # c is out of the group from here on, and has kept its keys.
        await cycle(broker, domain, following, a, b)
        # It may claim any name: what it seals, it can only sign with its own key.
        sealing = GroupSealing({b: keys[c], c: keys[c]}, PeerKeys(domain, keys))
        told = await messages(broker, domain)
        newest = {w.client_id: (r, w) for r, w in told}
        assert sealing.open(next(w for _, w in told if w.client_id == b), c)
        assert keys[c].exchange.key_id not in newest[b][1].payload
        first = next(r for r, w in told if (w.client_id, w.cycle) == (b, 1))
        record, honest = newest[b]
        assert record.value is not None
        flipped = bytearray(record.value)
        flipped[len(flipped) // 2] ^= 1
        payload = sealing.seal(b"\x80", GossipPlan(b, domain, following + 1, peers=[a]), 0)
        forged = msgspec.structs.replace(honest, cycle=following + 1, payload=payload)
        payload = sealing.seal(b"\x80", GossipPlan(c, domain, following + 1, peers=[a]), 0)
        stranger = msgspec.structs.replace(forged, client_id=c, payload=payload)
        await broker.publish(
            Outgoing(topic, b.encode(), first.value, first.headers),
            Outgoing(topic, b.encode(), bytes(flipped), record.headers),
            signed(weights_record(forged, now_ms=0), following + 1, keys[c].signing),
            signed(weights_record(stranger, now_ms=0), following + 1, keys[c].signing),
        )
        following = await trade(broker, domain, following + 1, a, b)
        # What a process refused is told with its next message.
        await trade(broker, domain, following, a, b)
    refused = {"forged", "replayed", "other-group"}
    told = await messages(broker, domain)
    assert any(refused <= w.refused.keys() for _, w in told if w.client_id == a)
    for reason in refused:
        assert f"gossip refused ({reason})" in caplog.text
