"""What sealing a gossip message costs: bytes and microseconds, by the size of the group.

    python -m benchmarks.sealing [--rows 'n = 8'] [--quick]

One thread, no broker: the client's own code from a prior to the record's value and headers, and
from there back to the prior.
"""

from collections.abc import Callable
from functools import partial
from statistics import median
from time import thread_time

import numpy as np

from benchmarks.tables import Figures, Row, Table, main
from scarcity.client.gossip_payload import Message, read_message, write_message
from scarcity.client.gossip_sealing import GroupSealing, InTheClear, Sealing
from scarcity.client.letterbox import Letterbox, signed
from scarcity.client.outgoing import registration_record, weights_record
from scarcity.client.peer_keys import PeerKeys, public_texts
from scarcity.client.refusals import Refusals
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_msgpack
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import (
    EXPERT_COUNT,
    FEATURE_COUNT,
    META_COUNT,
    Outgoing,
    Position,
    Record,
)
from scarcity.keys.gossip_keys import GossipKeys, keys_of_process

DOMAIN = "retail"
SIZES = (2, 3, 4, 5, 6, 7, 8, 32)
REPEATS, QUICK_REPEATS = 300, 20


def prior() -> bytes:
    """The payload of a client with a server: theta of ten experts as int8."""
    deviation = np.zeros((EXPERT_COUNT, META_COUNT))
    shape = (EXPERT_COUNT, FEATURE_COUNT)
    deviation[:, :FEATURE_COUNT] = 0.05 * np.random.default_rng(0).standard_normal(shape)
    return write_message(Message(deviation), "c0", 1, exact=False)


def record_of(outgoing: Outgoing) -> Record:
    """As a reader sees it."""
    where = Position(outgoing.topic, 0, 0)
    return Record(where, outgoing.key, outgoing.value, 0, outgoing.headers)


def microseconds(run: Callable[[], object], repeats: int) -> float:
    """Median processor time of one call: other processes of the machine do not count."""
    run()
    times = []
    for _ in range(repeats):
        begun = thread_time()
        run()
        times.append(thread_time() - begun)
    return 1e6 * median(times)


class Member:
    """One client of a group, in a process of its own."""

    def __init__(self, name: str, keys: GossipKeys) -> None:
        own = {name: keys}
        self.name = name
        self.keys = keys
        self.peers = PeerKeys(DOMAIN, own)
        self.sealing: Sealing = GroupSealing(own, self.peers)
        self.box = Letterbox(own, self.peers, Refusals())

    def registration(self) -> Record:
        """Its keys as the others learn them."""
        exchange, signing = public_texts(self.keys.public)
        event = ClientRegistered(self.name, DOMAIN, 9, 0, public_key=exchange, signing_key=signing)
        return record_of(registration_record(event, now_ms=0))

    def sends(self, plain: bytes, plan: GossipPlan) -> Outgoing:
        """The record of a message."""
        payload = self.sealing.seal(plain, plan, 0)
        name = self.sealing.name
        weights = GossipWeights(self.name, DOMAIN, plan.cycle, 0, payload, sealing=name)
        return signed(weights_record(weights, now_ms=0), plan.cycle, self.keys.signing)

    def reads(self, record: Record, plans: dict[str, GossipPlan]) -> Message:
        """What a record says: decoded, its signature checked, opened."""
        weights = decode_msgpack(record.value, GossipWeights)
        if not self.box.admits(record, weights, plans):
            raise RuntimeError("an honest message was refused")
        return read_message(self.sealing.open(weights, self.name))


def group(size: int, quick: bool) -> Figures:
    """One member writes for all others, one of them reads."""
    repeats = QUICK_REPEATS if quick else REPEATS
    names = [f"c{number}" for number in range(size)]
    members = [Member(name, keys_of_process([name])[name]) for name in names]
    for one in members:
        for other in members:
            one.peers.apply(other.registration())
    plan = GossipPlan(names[0], DOMAIN, 1, "exchange", 0, names[1:])
    plans = {names[1]: GossipPlan(names[1], DOMAIN, 1, "exchange", 0, [names[0], *names[2:]])}
    plain, writer, reader = prior(), members[0], members[1]
    sent = writer.sends(plain, plan)
    arrived = record_of(sent)
    writing = microseconds(partial(writer.sends, plain, plan), repeats)
    reading = microseconds(partial(reader.reads, arrived, plans), repeats)
    return {
        "message, bytes": size_of(sent),
        "beyond plain, bytes": size_of(sent) - size_of(in_the_clear(plain)),
        "write, µs": writing,
        "read, µs": reading,
        "a client and cycle, µs": writing + (size - 1) * reading,
    }


def size_of(outgoing: Outgoing) -> int:
    """Bytes of value and headers."""
    headers = sum(len(name) + len(value) for name, value in outgoing.headers)
    return headers + len(outgoing.value or b"")


def in_the_clear(plain: bytes) -> Outgoing:
    """The same message, as a domain with plain gossip sends it."""
    weights = GossipWeights("c0", DOMAIN, 1, 0, plain, sealing=InTheClear.name)
    return weights_record(weights, now_ms=0)


def plain_message(quick: bool) -> Figures:
    """What there is to pay without sealing."""
    repeats = QUICK_REPEATS if quick else REPEATS
    plain = prior()
    raw = in_the_clear(plain).value
    return {
        "message, bytes": size_of(in_the_clear(plain)),
        "write, µs": microseconds(lambda: in_the_clear(plain), repeats),
        "read, µs": microseconds(
            lambda: read_message(decode_msgpack(raw, GossipWeights).payload), repeats
        ),
    }


TABLE = Table(
    name="sealing",
    title="Sealed gossip: cost of a message",
    about="""
A prior of ten experts (int8) from one client to the others of its group, each with keys of its
own. `write`: seal the payload (one content key, ChaCha20-Poly1305, HPKE for each reader), encode
and sign. `read`: decode, check the signature, unwrap, open. `a client and cycle`: one message
written, one of each other member read. Bytes are the record's value and headers; times are medians
of 300 calls, processor time of one thread. The planner's groups have at most 8 members, of whom a
client trades with at most 5: so `n = 6` is what a client of a full group pays, and `n = 32` shows
the growth.
""",
    rows=(
        Row("plain", plain_message, in_quick=True),
        *(Row(f"n = {size}", partial(group, size), in_quick=size in (2, 8)) for size in SIZES),
    ),
)


if __name__ == "__main__":
    main("benchmarks.sealing", [TABLE])
