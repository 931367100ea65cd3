"""A revoked certificate speaks in no secure sum; the client's next one does."""

import pytest
from tests.memory.signing import NOW_MS, OPERATOR, identity

from scarcity.events.client_memory import Source, memory_key
from scarcity.events.codec import encode_json
from scarcity.events.credential import Credential
from scarcity.events.errors import Reason, SignatureError
from scarcity.events.types import Position, Record
from scarcity.keys.record_signing import sign_record
from scarcity.keys.registration_guard import RegistrationGuard
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.coordinator import MetaCoordinator

TOPIC = "secagg-keys.retail"


def revoked(client: str, serial: int) -> Record:
    told = Credential(
        "retail", client, serial, 1, serial, "left", Source("insights.retail", 0, 7), 0
    )
    key = memory_key("retail", client)
    return Record(Position("credentials", 0, 0), key, encode_json(told), NOW_MS)


def message(client: str, serial: int) -> Record:
    """What it says does not matter here: who said it is judged first."""
    headers = sign_record(identity(client, serial=serial), TOPIC, client.encode(), 1, b"x")
    return Record(Position(TOPIC, 0, 0), client.encode(), b"x", NOW_MS, headers)


def test_its_messages_are_refused_by_the_meta_learner() -> None:
    guard = RegistrationGuard([OPERATOR.public])
    meta = MetaCoordinator(OnlineMAMLEngine(), lambda: 0.0, "test", registrations=guard)
    meta.observe(revoked("a", 2))
    with pytest.raises(SignatureError, match="taken back") as refused:
        meta.observe(message("a", 2))
    assert refused.value.reason is Reason.REVOKED


def test_another_client_and_a_newer_certificate_go_on() -> None:
    guard = RegistrationGuard([OPERATOR.public])
    guard.note_revoked(revoked("a", 2))
    guard.note_revoked(revoked("a", 1))  # an older one, read again
    guard.note_revoked(revoked("a", 2)._replace(value=None))  # the client is held again
    guard.attest_member(message("a", 3), "retail")
    guard.attest_member(message("b", 2), "retail")
    with pytest.raises(SignatureError):
        guard.attest_member(message("a", 2), "retail")
