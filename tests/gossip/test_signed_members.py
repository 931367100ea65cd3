"""With operators' keys only signed registrations make members."""

import pytest
from tests.memory.signing import NOW_MS, OPERATOR, identity

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json
from scarcity.events.errors import EventError
from scarcity.events.types import Position, Record
from scarcity.gossip.members import Members
from scarcity.gossip.planner import P2PGossipManager
from scarcity.keys.record_signing import sign_record
from scarcity.keys.registration_guard import RegistrationGuard


def registration(client: str, *, signed: bool, left: bool = False) -> Record:
    value = None if left else encode_json(ClientRegistered(client, "retail", 9, 0))
    headers = sign_record(identity(client), "clients", client.encode(), 1, value)
    return Record(
        Position("clients", 0, 0), client.encode(), value, NOW_MS, headers if signed else ()
    )


def test_only_signed_registrations_and_leaves_count() -> None:
    members = Members(500, RegistrationGuard([OPERATOR.public]))
    for client in ("a", "b"):
        members.apply(registration(client, signed=True))
    for forged in (
        registration("c", signed=False),
        registration("a", signed=False, left=True),
        registration("b", signed=True)._replace(key=b"a"),
    ):
        with pytest.raises(EventError):
            members.apply(forged)
    plans = members.next_plans(P2PGossipManager())
    assert {plan.client_id: plan.peers for plan in plans} == {"a": ["b"], "b": ["a"]}
    members.apply(registration("a", signed=True, left=True))
    assert members.departed() == []
    assert [plan.client_id for plan in members.next_plans(P2PGossipManager())] == ["b"]
