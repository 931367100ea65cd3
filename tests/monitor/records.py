"""Records as the services write them, for tests of what reads them."""

from typing import Literal

import msgspec

from scarcity.events.client_memory import ClientMemory, ExpertMemory, Source, memory_key
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json, encode_msgpack
from scarcity.events.domain_profile import Column, DomainProfile, PrivacyMode
from scarcity.events.dp_rules import DpRound, DpRules
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import LedgerEntry, PartitionInputs, RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.standing import Lift, Mark
from scarcity.events.tensor import TensorPayload
from scarcity.events.types import Headers, Position, Record

_offsets: dict[str, int] = {}


def record(
    topic: str, key: str, value: bytes | None, at_ms: int = 0, headers: Headers = ()
) -> Record:
    """A record at the next offset of its topic."""
    offset = _offsets[topic] = _offsets.get(topic, -1) + 1
    return Record(Position(topic, 0, offset), key.encode(), value, at_ms, headers)


def insight_event(client_id: str, domain: str, loss: float = 0.5) -> Insight:
    experts = {"expert_0": ExpertInsight(loss, 3)}
    return Insight(client_id, experts, loss, 3, domain, sequence=1, meta_version=0)


def insight(client_id: str, domain: str, at_ms: int = 0, slopes: list[int] | None = None) -> Record:
    event = insight_event(client_id, domain)
    event.expert_insights["expert_0"].slopes = slopes
    return record(f"insights.{domain}", client_id, encode_json(event), at_ms)


def registered(
    client_id: str, domain: str, limit_reached: Literal["", "slopes", "all"] = ""
) -> Record:
    event = ClientRegistered(client_id, domain, 9, 0, limit_reached=limit_reached)
    return record("clients", client_id, encode_json(event))


def memory(
    client_id: str, domain: str, *, accepted: int = 1, duplicates: int = 0, seen_ms: int = 0
) -> Record:
    event = ClientMemory(
        domain=domain,
        client_id=client_id,
        latest=insight_event(client_id, domain),
        experts={"expert_0": ExpertMemory(accepted, 0.5, 0.5)},
        accepted=accepted,
        rejected=0,
        duplicates=duplicates,
        first_seen_ms=0,
        last_seen_ms=seen_ms,
        source=Source(f"insights.{domain}", 0, accepted),
    )
    return record("global-memory", memory_key(domain, client_id).decode(), encode_json(event))


def forgotten(client_id: str, domain: str) -> Record:
    return record("global-memory", memory_key(domain, client_id).decode(), None)


def parameters(domain: str, version: int, *, source_ms: int, at_ms: int) -> Record:
    empty = TensorPayload((0,), "float64", b"")
    event = MetaParameters(
        domain, version, domain, empty, empty, empty, empty, newest_source_ms=source_ms
    )
    return record("meta-parameters", domain, encode_msgpack(event), at_ms)


def ledger(
    domain: str,
    version: int,
    *,
    losses: list[float | None] | None = None,
    reverted: bool = False,
    epsilon: float | None = None,
    marks: tuple[Mark, ...] = (),
    lifted: tuple[str, ...] = (),
    closed_by: str = "quorum",
    loss: float = 0.4,
    at_ms: int = 0,
) -> Record:
    dp = None
    if epsilon is not None:
        dp = DpRound(DpRules(clients=100), 8, epsilon, 1e-5)
    event = LedgerEntry(
        domain=domain, version=version, parent="", family=domain,
        inputs=[PartitionInputs.of(0, [1, 2])], inputs_hash="", clients=2, active_clients=2,
        mean_staleness_versions=0.5, policy=RoundPolicy(), settings_hash="", code_version="",
        closed_by=closed_by, reverted=reverted, result_hash="", mean_loss=loss,
        expert_losses=losses or [0.4] * 10, step_scale=0.7,
        phases_s={"gossip": 0.1, "collection": 0.2, "processing": 0.01}, written_at_ms=0, dp=dp,
        marks=list(marks), lifted=[Lift(client, 0) for client in lifted],
    )  # fmt: skip
    return record("ledger", domain, encode_json(event), at_ms)


def evaluation(
    domain: str, version: int, *, routed: float, own_ridge: float = 0.5, own_mean: float = 1.0
) -> Record:
    event = Evaluation(
        domain=domain, version=version, clients=30, routed=routed, uniform=routed * 1.1,
        own_ridge=own_ridge, own_mean=own_mean,
        expert_errors=[routed + 0.01 * i for i in range(10)], routing=[0.1] * 10,
    )  # fmt: skip
    return record("evaluations", domain, encode_json(event))


def plan(client_id: str, domain: str, peers: list[str], cycle: int = 1) -> Record:
    status = {"status": "exchange", "peers": peers} if peers else {"reason": "too few peers"}
    event = msgspec.convert(
        {"client_id": client_id, "domain": domain, "cycle": cycle, **status}, GossipPlan
    )
    return record("gossip-plan", client_id, encode_json(event))


def weights(client_id: str, domain: str, *, exchanges: int, evictions: int = 0) -> Record:
    event = GossipWeights(
        client_id, domain, 1, 1, b"", "hpke-1", exchanges, evictions, refused={"forged": 2}
    )
    return record(f"gossip.{domain}", client_id, encode_msgpack(event))


def profile(domain: str, privacy: PrivacyMode = "open", active_s: float = 60.0) -> Record:
    event = DomainProfile(
        domain, domain, (Column("x", 0, 1),), Column("y", 0, 1), privacy=privacy,
        policy=RoundPolicy(active_s=active_s),
    )  # fmt: skip
    return record("domains", domain, encode_json(event))


def parked(reason: str) -> Record:
    return record("dead-letters", "c", b"?", headers=(("dl_reason", reason.encode()),))


def a_private_session() -> list[Record]:
    """Two domains at the limits of their privacy."""
    return [
        profile("clinic"),
        registered("a", "clinic", "slopes"),
        registered("b", "clinic"),
        registered("c", "clinic", "slopes"),
        registered("c", "clinic", "all"),
        insight("a", "clinic"),
        insight("b", "clinic", slopes=[1] * 9),
        insight('"slopes":[', "clinic"),
        ledger("ward", 1, epsilon=0.5),
        ledger("ward", 2, epsilon=0.75),
    ]


def a_session() -> list[Record]:
    """A short life of two domains: `retail` gains and `energy` does not; one client waits."""
    result = []
    for domain, error in (("retail", 0.2), ("energy", 0.7)):
        result += [profile(domain), registered(f"{domain}-1", domain)]
        for version in range(1, 31):
            result += [
                insight(f"{domain}-1", domain, version * 100),
                memory(f"{domain}-1", domain, accepted=version, seen_ms=version * 100),
                ledger(
                    domain,
                    version,
                    losses=[0.4 + 0.02 * e / version for e in range(10)],
                    at_ms=version * 100 + 40,
                ),
                parameters(domain, version, source_ms=version * 100, at_ms=version * 100 + 40),
                evaluation(domain, version, routed=error + 0.3 / version),
            ]
        result += [
            plan(f"{domain}-1", domain, [f"{domain}-2"]),
            plan(f"{domain}-2", domain, [f"{domain}-1"]),
            plan(f"{domain}-3", domain, []),
            weights(f"{domain}-1", domain, exchanges=3, evictions=1),
        ]
    return [*result, parked("malformed"), parked("malformed"), parked("wrong-domain")]


def a_session_with_marks() -> list[Record]:
    """Four clients were marked, one was lifted again, one was taken out."""
    by_check = [Mark(client, "check", 0, 5, 6.5) for client in "abc"]
    return [
        profile("retail"),
        ledger("retail", 1, marks=tuple(by_check)),
        ledger("retail", 2, marks=(Mark("d", "operator", ruling=0),), lifted=("a",)),
        ledger("retail", 3, marks=(Mark("e", "repair", ruling=1),), closed_by="repair"),
    ]
