"""An operator, clients with certificates, and records that they sign."""

import json
from typing import Any

from tests.memory.insights import insight

from scarcity.events.codec import encode_json
from scarcity.events.headers import event_headers
from scarcity.events.revocation import Revocation
from scarcity.events.topics import insights_topic
from scarcity.events.types import Headers, Position, Record
from scarcity.keys.certificate import Certificate, issue, issuer_of
from scarcity.keys.record_signing import Identity, sign_record
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey
from scarcity.memory.admission import MAX_INSIGHT_BYTES, AdmissionLimits
from scarcity.memory.authority import Authority

OPERATOR = SigningKey(bytes([2] * 32))
STRANGER = SigningKey(bytes([3] * 32))
NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
LIMITS = AdmissionLimits(authority=Authority([OPERATOR.public], MAX_INSIGHT_BYTES))


def identity(
    client: str = "shop-1",
    *,
    serial: int = 1,
    domain: str = "retail",
    operator: SigningKey = OPERATOR,
    expires_at_ms: int = NOW_MS + DAY_MS,
    epsilon_limit: float | None = None,
    key: SigningKey | None = None,
) -> Identity:
    """A client's identity; its key follows from name and serial."""
    seed = f"{client}/{serial}".encode().ljust(32, b".")[:32]
    key = key or SigningKey(seed)
    certificate = Certificate(
        client,
        domain,
        key.public.raw,
        serial,
        NOW_MS - DAY_MS,
        expires_at_ms,
        issuer_of(operator.public),
        epsilon_limit,
    )
    return Identity(key, certificate, issue(certificate, operator))


def signed(
    who: Identity,
    sequence: int,
    offset: int = 0,
    *,
    loss: float = 0.5,
    partition: int = 0,
    at_ms: int = NOW_MS,
    **fields: Any,
) -> Record:
    """An insight that a client signs, as its topic holds it."""
    told = who.certificate
    value = json.dumps(
        insight(told.client_id, loss, domain=told.domain, sequence=sequence, **fields)
    ).encode()
    topic, key = insights_topic(told.domain), told.client_id.encode()
    headers = sign_record(who, topic, key, sequence, value)
    return Record(Position(topic, partition, offset), key, value, at_ms, headers)


def revocation(
    client: str = "shop-1",
    serial: int = 1,
    offset: int = 0,
    *,
    partition: int = 0,
    key: SigningKey = OPERATOR,
    domain: str = "retail",
    **changes: Any,
) -> Record:
    """A revocation that an operator signs, as the log holds it."""
    told = sign_event(Revocation(client, domain, serial, NOW_MS, "laptop stolen"), key)
    headers = event_headers("Revocation", source="/operator", event_id="1", at_ms=NOW_MS)
    where = Position(insights_topic(domain), partition, offset)
    record = Record(where, client.encode(), encode_json(told), NOW_MS, headers)
    return record._replace(**changes)


def at(record: Record, offset: int, **changes: Any) -> Record:
    """The same record again, elsewhere in the log."""
    topic, partition, _ = record.position
    return record._replace(position=Position(topic, partition, offset), **changes)


def with_header(headers: Headers, name: str, value: bytes | None) -> Headers:
    """Headers with one replaced, or without it."""
    kept = tuple(pair for pair in headers if pair[0] != name)
    return kept if value is None else (*kept, (name, value))
