"""Who could trade: from registrations and loss profiles, with the log's own time."""

import pytest

from scarcity.events.client_memory import ClientMemory, ExpertMemory, Source
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.insight import Insight
from scarcity.events.types import Position, Record
from scarcity.gossip.members import NOISED, Members
from scarcity.gossip.planner import NO_INSIGHT, P2PGossipManager

MANAGER = P2PGossipManager()


def record(topic: str, key: str, value: bytes | None) -> Record:
    return Record(Position(topic, 0, 0), key.encode(), value, 0)


def registered(client: str, domain: str = "retail") -> Record:
    return record("clients", client, encode_json(ClientRegistered(client, domain, 9, 0)))


def seen(client: str, at_ms: int = 1000, domain: str = "retail", loss: float = 1.0) -> Record:
    memory = ClientMemory(
        domain=domain,
        client_id=client,
        latest=Insight(client, {}, loss, 9, domain),
        experts={"expert_0": ExpertMemory(1, loss, loss)},
        accepted=1,
        rejected=0,
        duplicates=0,
        first_seen_ms=0,
        last_seen_ms=at_ms,
        source=Source(f"insights.{domain}", 0, 0),
    )
    return record("global-memory", f"{domain}/{client}", encode_json(memory))


@pytest.fixture
def members() -> Members:
    return Members(active_ms=500)


def plans(members: Members) -> dict[str, GossipPlan]:
    return {p.client_id: p for p in members.next_plans(MANAGER)}


def test_registered_clients_that_were_heard_trade(members: Members) -> None:
    for each in (registered("a"), registered("c"), seen("a"), seen("c")):
        members.apply(each)
    assert {c: p.peers for c, p in plans(members).items()} == {"a": ["c"], "c": ["a"]}


def test_clients_in_mode_dp_do_not_trade_and_no_group_tells_of_their_losses(
    members: Members,
) -> None:
    for each in (registered("a"), registered("c"), seen("a"), seen("c")):
        members.apply(each)
    for client in ("a", "c"):
        event = ClientRegistered(client, "retail", 9, 0, privacy="dp")
        members.apply(record("clients", client, encode_json(event)))
    assert {c: (p.status, p.group, p.reason) for c, p in plans(members).items()} == {
        "a": ("waiting", 0, NOISED),
        "c": ("waiting", 0, NOISED),
    }


def test_a_domain_does_not_trade_with_another(members: Members) -> None:
    for each in (
        registered("a"),
        registered("b", "medical"),
        seen("a"),
        seen("b", 1000, "medical"),
    ):
        members.apply(each)
    assert {p.status for p in plans(members).values()} == {"waiting"}


def test_a_client_whose_last_insight_is_old_waits(members: Members) -> None:
    for each in (registered("a"), registered("b"), registered("c"), registered("d")):
        members.apply(each)
    for each in (seen("a", 2000), seen("b", 1500), seen("c", 1499)):
        members.apply(each)
    found = plans(members)
    assert found["a"].peers == ["b"]
    assert {c: p.reason for c, p in found.items() if p.status == "waiting"} == {
        "c": NO_INSIGHT,
        "d": NO_INSIGHT,
    }


def test_cycles_count_on_from_the_plans_in_the_topic(members: Members) -> None:
    for each in (registered("a"), registered("c"), seen("a"), seen("c")):
        members.apply(each)
    before = GossipPlan("a", "retail", 41, "exchange", 0, ["c"])
    members.apply(record("gossip-plan", "a", encode_json(before)))
    first = members.next_plans(MANAGER)
    assert {p.cycle for p in first} == {42}
    members.take(first)
    assert {p.cycle for p in members.next_plans(MANAGER)} == {43}


def test_a_wait_is_not_repeated_until_its_reason_changes(members: Members) -> None:
    members.apply(registered("a"))
    members.apply(seen("a"))
    first = members.next_plans(MANAGER)
    assert [p.status for p in first] == ["waiting"]
    members.take(first)
    assert members.next_plans(MANAGER) == []
    members.apply(registered("b"))
    assert [p.client_id for p in members.next_plans(MANAGER)] == ["b"]


def test_a_client_that_left_is_planned_no_more_and_its_plan_goes(members: Members) -> None:
    for each in (registered("a"), registered("c"), seen("a"), seen("c")):
        members.apply(each)
    members.take(members.next_plans(MANAGER))
    members.apply(record("clients", "c", None))
    assert [p.status for p in plans(members).values()] == ["waiting"]
    assert members.departed() == ["c"]
    assert members.departed() == []


@pytest.mark.parametrize("topic", ["clients", "global-memory", "gossip-plan"])
def test_a_record_that_breaks_its_contract_is_refused(members: Members, topic: str) -> None:
    with pytest.raises(EventError):
        members.apply(record(topic, "retail/a", b"{"))
