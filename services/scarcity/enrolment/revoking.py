"""A revocation as a record: it goes where the insights go, so that it stops what comes after it."""

from scarcity.events.codec import encode_json
from scarcity.events.headers import event_headers
from scarcity.events.revocation import Revocation
from scarcity.events.topics import insights_topic
from scarcity.events.types import Outgoing
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey


def signed_revocation(
    client_id: str, domain: str, serial: int, reason: str, *, key: SigningKey, now_ms: int
) -> Revocation:
    """An operator's word that a client's certificates up to ``serial`` hold no more."""
    return sign_event(Revocation(client_id, domain, serial, now_ms, reason), key)


def revocation_record(told: Revocation) -> Outgoing:
    """To `insights.<domain>`, under the client's key."""
    headers = event_headers(
        "Revocation",
        source="/operator",
        event_id=f"{told.client_id}-{told.serial}",
        at_ms=told.revoked_at_ms,
    )
    key = told.client_id.encode()
    return Outgoing(insights_topic(told.domain), key, encode_json(told), headers)
