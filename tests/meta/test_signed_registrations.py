"""With operators' keys the meta-learner takes moments from signed registrations alone."""

import pytest
from tests.memory.signing import NOW_MS, OPERATOR, identity
from tests.meta.feeding import TWO_CLIENTS, profile_record

from scarcity.events.client_registered import ClientRegistered, Moments
from scarcity.events.codec import encode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import EventError
from scarcity.events.types import Position, Record
from scarcity.keys.record_signing import sign_record
from scarcity.keys.registration_guard import RegistrationGuard
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.coordinator import MetaCoordinator

MOMENTS = {name: Moments(10, 5.0, 12.0) for name in ("x", "y")}


def registration(client: str, *, signed: bool, left: bool = False) -> Record:
    told = ClientRegistered(client, "retail", 10, 0, MOMENTS)
    value = None if left else encode_json(told)
    headers = sign_record(identity(client), "clients", client.encode(), 1, value)
    return Record(
        Position("clients", 0, 0), client.encode(), value, NOW_MS, headers if signed else ()
    )


def test_a_domain_waits_until_enough_clients_have_signed() -> None:
    meta = MetaCoordinator(
        OnlineMAMLEngine(),
        lambda: 0.0,
        "test",
        registrations=RegistrationGuard([OPERATOR.public]),
    )
    columns = (Column("x"), Column("y"))
    meta.observe(
        profile_record(
            DomainProfile(
                "retail", "shops", columns[:1], columns[1], scaling="estimated", policy=TWO_CLIENTS
            )
        )
    )
    meta.observe(registration("a", signed=True))
    for refused in (registration("b", signed=False), registration("a", signed=False, left=True)):
        with pytest.raises(EventError):
            meta.observe(refused)
    assert meta.advance(NOW_MS) == []
    meta.observe(registration("b", signed=True))
    assert meta.advance(NOW_MS)
