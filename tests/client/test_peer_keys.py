"""Whose key is whose: what the topic `clients` says, and what of it is believed."""

import base64

import pytest
from tests.client.sealed_world import arrived, keys_of, registration

from scarcity.client.outgoing import registration_record
from scarcity.client.peer_keys import PeerKeys
from scarcity.client.refusals import RefusedError
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.errors import EventError
from scarcity.events.gossip_weights import Refusal
from scarcity.events.types import Outgoing, Record
from scarcity.keys.certificate import Certificate, issue, issuer_of
from scarcity.keys.record_signing import Identity, RecordVerifier, sign_record
from scarcity.keys.signing import SigningKey

OPERATOR = SigningKey(bytes([99]) * 32)


@pytest.fixture
def peers() -> PeerKeys:
    return PeerKeys("retail", {"own": keys_of(1)})


def identity(client: str, number: int) -> Identity:
    key = SigningKey(bytes([number]) * 32)
    certificate = Certificate(
        client, "retail", key.public.raw, 1, 0, 10**12, issuer_of(OPERATOR.public)
    )
    return Identity(key, certificate, issue(certificate, OPERATOR))


def by(who: Identity, record: Record) -> Record:
    """A record as its writer signs it."""
    headers = sign_record(who, record.position.topic, record.key or b"", 1, record.value)
    return record._replace(headers=(*record.headers, *headers))


def test_the_latest_registration_holds(peers: PeerKeys) -> None:
    peers.apply(registration("a", keys_of(2).public, at_ms=1000))
    peers.apply(registration("a", keys_of(3).public, at_ms=2000))
    assert peers.of("a") == keys_of(3).public
    peers.apply(registration("a", keys_of(2).public, at_ms=1000))  # sent again
    assert peers.of("a") == keys_of(3).public


def test_a_client_without_keys_or_that_left_has_none(peers: PeerKeys) -> None:
    peers.apply(registration("a", None))
    assert peers.of("a") is None
    peers.apply(registration("b", keys_of(2).public))
    peers.apply(registration("b", keys_of(2).public)._replace(value=None))
    assert peers.of("b") is None
    assert peers.of("nobody") is None


def test_other_domains_are_passed_over(peers: PeerKeys) -> None:
    peers.apply(registration("a", keys_of(2).public, domain="health"))
    assert peers.of("a") is None


@pytest.mark.parametrize(
    ("exchange", "signing"),
    [
        ("no base64!", base64.b64encode(bytes(32)).decode()),
        (base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(32)).decode()),
        (base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(32)).decode()),
        (base64.b64encode(bytes(range(32))).decode(), ""),
    ],
)
def test_keys_that_are_none_are_refused(peers: PeerKeys, exchange: str, signing: str) -> None:
    event = ClientRegistered("a", "retail", 1, 1, public_key=exchange, signing_key=signing)
    with pytest.raises(RefusedError):
        peers.apply(arrived(registration_record(event, now_ms=0)))
    assert peers.of("a") is None


def test_somebody_else_under_an_own_name_is_noticed(peers: PeerKeys) -> None:
    # Of an earlier run: no cause for alarm.
    peers.apply(registration("own", keys_of(2).public, at_ms=1000))
    peers.apply(registration("own", keys_of(1).public, at_ms=2000))
    with pytest.raises(RefusedError) as caught:
        peers.apply(registration("own", keys_of(3).public, at_ms=2000))
    assert caught.value.refusal == Refusal.IMPOSTOR
    assert peers.of("own") == keys_of(1).public


def test_with_operators_keys_only_signed_registrations_count() -> None:
    peers = PeerKeys("retail", {}, RecordVerifier([OPERATOR.public]))
    honest, other = identity("a", 2), identity("b", 3)
    with pytest.raises(EventError, match="not signed"):
        peers.apply(registration("a", keys_of(2).public))
    # The broker's administrator puts a key of its own.
    with pytest.raises(EventError):
        peers.apply(by(other, registration("a", keys_of(9).public)))
    changed = by(honest, registration("a", keys_of(2).public))
    with pytest.raises(EventError):
        peers.apply(changed._replace(value=registration("a", keys_of(9).public).value))
    assert peers.of("a") is None
    peers.apply(by(honest, registration("a", keys_of(2).public)))
    assert peers.of("a") == keys_of(2).public


def test_with_operators_keys_only_the_client_itself_can_leave() -> None:
    peers = PeerKeys("retail", {}, RecordVerifier([OPERATOR.public]))
    honest = identity("a", 2)
    peers.apply(by(honest, registration("a", keys_of(2).public)))
    tombstone = arrived(Outgoing("clients", b"a", None))
    with pytest.raises(EventError):
        peers.apply(tombstone)
    assert peers.of("a") is not None
    peers.apply(by(honest, tombstone))
    assert peers.of("a") is None
