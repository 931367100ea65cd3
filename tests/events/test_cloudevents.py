"""Our records are CloudEvents: the official Python SDK reads every kind in Kafka's binary mode.

Source: CloudEvents 1.0.2, Kafka protocol binding 1.0.2 (binary content mode).
"""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import msgspec
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from tests.audit.ledgers import OPERATOR, World
from tests.monitor import records

from scarcity.broker.schemas import EVENTS
from scarcity.client import outgoing as client
from scarcity.enrolment.revoking import revocation_record, signed_revocation
from scarcity.events.client_memory import Source
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.credential import Credential
from scarcity.events.dead_letter import park
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.headers import event_headers
from scarcity.events.ruling import Ruling
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_term import SecureTerm
from scarcity.events.tensor import TensorPayload
from scarcity.events.types import Outgoing, Position, Record
from scarcity.gossip.outgoing import plan_record
from scarcity.memory.credentials import Credentials
from scarcity.meta.rulings import ruling_record
from scarcity.meta.secure_rounds import round_record

AT_MS = 1_700_000_000_123
SHOP, DOMAIN = "shop-7", "retail"
# Inside the payload of GossipWeights: no record of their own.
INSIDE_OTHERS = {"GossipDeviation", "SealedDeviation"}
KINDS = sorted(EVENTS.keys() - INSIDE_OTHERS)
# RFC 3986, section 2: what may stand in a URI-reference.
URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


def of_clients() -> Iterator[Outgoing]:
    yield client.insight_record(records.insight_event(SHOP, DOMAIN), now_ms=AT_MS)
    yield client.registration_record(ClientRegistered(SHOP, DOMAIN, 9, 1), now_ms=AT_MS)
    yield client.weights_record(GossipWeights(SHOP, DOMAIN, 1, 1, b"\xff"), now_ms=AT_MS)
    evaluation = Evaluation(DOMAIN, 3, 30, 0.1, 0.2, 0.3, 0.4)
    yield client.evaluation_record(evaluation, now_ms=AT_MS)
    yield client.secure_record(SecureKeys(SHOP, DOMAIN, 1, "keys", b"k" * 32), now_ms=AT_MS)
    masked = TensorPayload((1,), "int64", b"\xff" * 8)
    yield client.secure_record(SecureTerm(SHOP, DOMAIN, 1, "masked", masked), now_ms=AT_MS)


def of_operators() -> Iterator[Outgoing]:
    columns = (Column("x", 0, 1),), Column("y", 0, 1)
    profile = DomainProfile(DOMAIN, "shops", *columns, privacy="open")
    yield client.profile_record(profile, now_ms=AT_MS)
    ruling = Ruling("quarantine", (DOMAIN,), (SHOP,), AT_MS, key_id="op")
    yield ruling_record(ruling, at_ms=AT_MS)
    yield revocation_record(signed_revocation(SHOP, DOMAIN, 1, "lost", key=OPERATOR, now_ms=AT_MS))


def of_services() -> Iterator[Outgoing]:
    """What memory and meta write in two rounds, the planner, and what else memory and meta may."""
    world = World(checkpoint_versions=1)
    world.add_domain(DOMAIN)
    for _ in range(2):
        world.round(DOMAIN)
    for topic in ("global-memory", "meta-parameters", "meta-state", "ledger", "checkpoints"):
        for record in asyncio.run(world.log.read_all(topic)):
            yield Outgoing(topic, record.key, record.value, record.headers)
    yield plan_record(GossipPlan(SHOP, DOMAIN, 1), at_ms=AT_MS)
    yield round_record(SecureRound(DOMAIN, 1, 1, "call"), AT_MS)
    left = Credential(DOMAIN, SHOP, 1, 7, 0, "", Source(f"insights.{DOMAIN}", 0, 3), AT_MS)
    credentials = Credentials(DOMAIN, 0, "/services/memory")
    credentials.load(b"retail/shop-7", msgspec.json.encode(left))
    told = signed_revocation(SHOP, DOMAIN, 1, "lost", key=OPERATOR, now_ms=AT_MS)
    position = Position(f"insights.{DOMAIN}", 0, 4)
    credentials.revoke(b"shop-7", told, Record(position, b"shop-7", b"", AT_MS), None)
    yield from credentials.take_changed()


@cache
def records_by_kind() -> dict[str, Outgoing]:
    """A record a kind of event, as the code that publishes it makes it."""
    return {
        dict(record.headers)["ce_type"].decode().split(".")[1]: record
        for record in (*of_clients(), *of_operators(), *of_services())
    }


def read(record: Outgoing) -> BaseCloudEvent:
    """A record as the SDK reads it; raises when a required attribute is missing or wrong."""
    assert record.value is not None
    message = KafkaMessage(dict(record.headers), record.key, record.value)
    return from_binary(message, JSONFormat())


@pytest.mark.parametrize("kind", KINDS)
def test_the_sdk_reads_every_kind(kind: str) -> None:
    record = records_by_kind()[kind]
    event = read(record)
    assert event.get_specversion() == "1.0"
    assert event.get_type() == f"scarcity.{kind}.v1"
    # The SDK would make one up.
    assert event.get_id().encode() == dict(record.headers)["ce_id"]
    assert URI_REFERENCE.fullmatch(event.get_source())
    at = event.get_time()
    assert at is not None
    assert at.tzinfo is not None
    assert event.get_extension("partitionkey") == (record.key or b"").decode()


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_are_what_the_content_type_says_and_decode_to_the_event(kind: str) -> None:
    record = records_by_kind()[kind]
    event = read(record)
    if event.get_datacontenttype() == "application/json":
        assert isinstance(event.get_data(), dict)  # the SDK has parsed it
        decoded = msgspec.convert(event.get_data(), EVENTS[kind])
    else:
        assert event.get_datacontenttype() == "application/msgpack"
        # The SDK knows no msgpack and hands the bytes on, as text when they happen to be some.
        data = event.get_data()
        raw = data.encode() if isinstance(data, str) else data
        decoded = msgspec.msgpack.decode(raw, type=EVENTS[kind])
    assert decoded.schema_version


def test_the_time_is_the_events() -> None:
    event = read(client.evaluation_record(Evaluation("d", 1, 1, 0, 0, 0, 0), now_ms=AT_MS))
    assert event.get_time() == datetime.fromtimestamp(AT_MS / 1000, UTC)


@pytest.mark.parametrize("name", ["shop 7", "Größe", "a%b", "x\ny", 'q"<>', "../../etc"])
def test_a_strange_client_still_makes_a_uri_reference(name: str) -> None:
    headers = event_headers("Insight", source=f"/clients/{name}", event_id="1", at_ms=0)
    event = read(Outgoing("insights.d", b"k", b"{}", headers))
    assert URI_REFERENCE.fullmatch(event.get_source())


def test_a_dead_letter_is_still_the_event_it_was() -> None:
    sent = records_by_kind()["Insight"]
    position = Position("insights.retail", 0, 7)
    record = Record(position, sent.key, sent.value, AT_MS, sent.headers)
    parked = park(record, EventError(Reason.WRONG_KEY, "another key"), stage="memory.admission")
    assert read(parked).get_attributes() == read(sent).get_attributes()


def test_what_is_required_and_missing_is_refused_by_the_sdk() -> None:
    """So the tests above would see it."""
    sent = records_by_kind()["Insight"]
    for missing in ("ce_source", "ce_type"):
        headers = tuple(header for header in sent.headers if header[0] != missing)
        with pytest.raises(Exception, match=missing.removeprefix("ce_")):
            read(sent._replace(headers=headers))
