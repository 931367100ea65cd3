"""A log by hand for the meta-learner: profiles, registrations and folded insights as records."""

import hashlib
from collections.abc import Iterable

import msgspec

from scarcity.events.client_memory import ClientMemory, Source, memory_key
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json, decode_msgpack, encode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import (
    CLIENTS,
    DOMAINS,
    GLOBAL_MEMORY,
    LEDGER,
    META_PARAMETERS,
    META_STATE,
    insights_topic,
)
from scarcity.events.types import EXPERT_NAMES, Outgoing, Position, Record
from scarcity.keys.signing import SigningKey, TrustedKeys
from scarcity.learning.online_maml import LearningSettings, OnlineMAMLEngine
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication

WRITER, OPERATOR = SigningKey(bytes([1] * 32)), SigningKey(bytes([2] * 32))
TWO_CLIENTS = RoundPolicy(min_clients=2, quorum=1.0, deadline_s=10.0)


def coordinator(monotonic: Iterable[float] | None = None) -> MetaCoordinator:
    """One whose clock for durations stands still, or ticks through ``monotonic``."""
    ticks = iter(monotonic or ())
    return MetaCoordinator(
        OnlineMAMLEngine(LearningSettings()),
        lambda: next(ticks, 0.0),
        code_version="test",
        signing=WRITER,
        operators=TrustedKeys([OPERATOR.public]),
        checkpoint_versions=3,
    )


def profile(
    domain: str, *, family: str = "shops", policy: RoundPolicy = TWO_CLIENTS, inputs: int = 2
) -> DomainProfile:
    """A complete profile."""
    columns = tuple(Column(f"x{i}", 0.0, 1.0) for i in range(inputs))
    return DomainProfile(domain, family, columns, Column("y", 0.0, 1.0), policy=policy)


def digits(*seed: object) -> list[int]:
    """Bytes that look random and are the same everywhere."""
    return list(hashlib.sha256(repr(seed).encode()).digest())


def insight(domain: str, client: str, sequence: int, version: int | None = 0) -> Insight:
    """What a client might have learned: losses about 1, small slopes."""
    experts = {
        name: ExpertInsight(
            loss=0.5 + noise[0] / 256,
            samples=4,
            previous_loss=0.5 + noise[1] / 256 if version else None,
            slopes=[(n - 128) * 2**12 for n in noise[2:11]],
        )
        for name in EXPERT_NAMES
        for noise in [digits(domain, client, sequence, name)]
    }
    return Insight(client, experts, 1.0, 4, domain, sequence, version)


def folded(told: Insight, *, offset: int, partition: int = 0, at_ms: int = 0) -> ClientMemory:
    """The record that the memory keeps of a client after this insight."""
    where = Source(insights_topic(told.domain), partition, offset)
    return ClientMemory(told.domain, told.client_id, told, {}, 1, 0, 0, at_ms, at_ms, where)


def record(topic: str, key: str, event: msgspec.Struct | None, at_ms: int = 0) -> Record:
    """A record by hand; its own offset is of no concern to the meta-learner."""
    value = None if event is None else encode_json(event)
    return Record(Position(topic, 0, 0), key.encode(), value, at_ms)


def memory_record(memory: ClientMemory) -> Record:
    """A record of `global-memory`."""
    key = memory_key(memory.domain, memory.client_id).decode()
    return record(GLOBAL_MEMORY, key, memory, memory.last_seen_ms)


def profile_record(declared: DomainProfile) -> Record:
    """A record of `domains`."""
    return record(DOMAINS, declared.domain, declared)


def client_record(client: str, registered: ClientRegistered | None) -> Record:
    """A record of `clients`."""
    return record(CLIENTS, client, registered)


def outgoing(publications: Iterable[Publication], topic: str) -> list[Outgoing]:
    """What was published to a topic, in order."""
    return [out for p in publications for out in p.outgoing if out.topic == topic]


def entries(publications: Iterable[Publication]) -> list[LedgerEntry]:
    """The ledger as a reader sees it."""
    return [decode_json(out.value, LedgerEntry) for out in outgoing(publications, LEDGER)]


def parameters(publications: Iterable[Publication]) -> list[MetaParameters]:
    """The parameters as a reader sees them."""
    records = outgoing(publications, META_PARAMETERS)
    return [decode_msgpack(out.value, MetaParameters) for out in records]


def latest_states(publications: Iterable[Publication]) -> list[MetaState]:
    """The compacted view of `meta-state`."""
    latest = {out.key: out.value for out in outgoing(publications, META_STATE)}
    return [decode_msgpack(value, MetaState) for value in latest.values()]


def started(*domains: DomainProfile) -> tuple[MetaCoordinator, list[Publication]]:
    meta = coordinator()
    for one in domains:
        meta.observe(profile_record(one))
    return meta, meta.advance(0)


def tell(meta: MetaCoordinator, *memories: ClientMemory) -> None:
    for memory in memories:
        meta.observe(memory_record(memory))
