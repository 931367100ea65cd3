"""Certificates, signatures of records, identities on disk. Refusals by the fold: tests/memory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.signing import DAY_MS, NOW_MS, OPERATOR, STRANGER, identity

from scarcity.events.errors import EventError, InputError, Reason, SignatureError
from scarcity.events.types import Position, Record
from scarcity.keys.certificate import (
    Certificate,
    is_issued_by,
    issue,
    issuer_of,
    read_certificate,
)
from scarcity.keys.files import write_key
from scarcity.keys.identity import (
    CERTIFICATE_FILE,
    KEY_FILE,
    armour,
    certificate_text,
    check_not_expired,
    identity_directory,
    read_certificate_file,
    read_identities,
    read_identity,
    unarmour,
)
from scarcity.keys.operators import read_operator_keys
from scarcity.keys.record_mac import MacSecret
from scarcity.keys.record_signing import (
    MAX_SEQUENCE,
    Identity,
    RecordVerifier,
    sign_record,
    signed_message,
)
from scarcity.keys.registration_guard import guard_of

SHOP = identity()
TOPIC = "clients"


def write(directory: Path, who: Identity) -> Path:
    directory.mkdir(parents=True)
    write_key(directory / KEY_FILE, who.key)
    (directory / CERTIFICATE_FILE).write_text(certificate_text(who.raw))
    return directory


def test_a_certificate_is_small_and_comes_back_as_it_was_issued() -> None:
    certificate = read_certificate(SHOP.raw)
    assert certificate == SHOP.certificate
    assert len(SHOP.raw) < 170
    assert is_issued_by(SHOP.raw, OPERATOR.public)
    assert not is_issued_by(SHOP.raw, STRANGER.public)
    limited = identity(epsilon_limit=3.0)
    assert limited.certificate.describe().endswith("until 2023-11-15 22:13 UTC, epsilon up to 3")


def test_an_operator_signs_only_in_its_own_name() -> None:
    with pytest.raises(ValueError, match="another issuer"):
        issue(SHOP.certificate, STRANGER)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_certificate_are_refused(raw: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        read_certificate(raw)
    assert caught.value.reason is Reason.FORGED


def test_a_certificate_beyond_its_bounds_is_refused() -> None:
    endless = Certificate("x" * 300, "retail", bytes(32), 1, 0, 1, issuer_of(OPERATOR.public))
    with pytest.raises(SignatureError, match="cannot be read"):
        read_certificate(issue(endless, OPERATOR))


names = st.text(min_size=1, max_size=9)
keys = st.binary(max_size=9)


@given(names, keys, st.integers(0, MAX_SEQUENCE), st.binary(max_size=20), names, keys)
def test_no_two_records_share_what_is_signed(
    topic: str, key: bytes, sequence: int, body: bytes, other_topic: str, other_key: bytes
) -> None:
    message = signed_message(topic, key, sequence, body)
    others = [(other_topic, key), (topic, other_key), (topic + "a", key), (topic, key + b"a")]
    for name, other in others:
        if (name, other) != (topic, key):
            assert signed_message(name, other, sequence, body) != message
    assert signed_message(topic, key, sequence ^ 1, body) != message
    assert signed_message(topic, key, sequence, body + b"x") != message


def test_a_signed_record_says_who_wrote_it_wherever_it_is_read() -> None:
    headers = sign_record(SHOP, TOPIC, b"shop-1", 7, b"hello")
    for _ in range(2):  # nothing but the record is needed, and a cached certificate changes nothing
        verifier = RecordVerifier([OPERATOR.public])
        attested = verifier.attest(TOPIC, b"shop-1", b"hello", headers, NOW_MS, domain="retail")
        assert (attested.certificate.client_id, attested.sequence) == ("shop-1", 7)
        with pytest.raises(SignatureError):
            verifier.attest(TOPIC, b"shop-1", b"hallo", headers, NOW_MS)
    with pytest.raises(ValueError, match="sequence"):
        sign_record(SHOP, TOPIC, b"shop-1", -1, b"")


header = st.binary(max_size=120)


@given(header | st.just(SHOP.raw), header, st.binary(max_size=20) | st.just(b"7"), header)
def test_whatever_stands_in_the_headers_is_refused_and_nothing_breaks(
    certificate: bytes, signature: bytes, sequence: bytes, mac: bytes
) -> None:
    headers = (
        ("sc_cert", certificate),
        ("sc_sig", signature),
        ("sc_seq", sequence),
        ("sc_mac", mac),
    )
    for secret in (None, MacSecret(bytes(range(32)))):
        verifier = RecordVerifier([OPERATOR.public], secret)
        with pytest.raises(SignatureError):
            verifier.attest(TOPIC, b"shop-1", b"hello", headers, NOW_MS)


def registration(
    sequence: int, body: bytes | None = b"{}", who: Identity = SHOP, at_ms: int = NOW_MS
) -> Record:
    headers = sign_record(who, TOPIC, b"shop-1", sequence, body)
    return Record(Position(TOPIC, 0, sequence), b"shop-1", body, at_ms, headers)


def refusal(record: Record, *before: Record, domain: str | None = "retail") -> Reason:
    guard = guard_of([OPERATOR.public])
    assert guard is not None
    for one in before:
        guard.check(one, "retail")
    with pytest.raises(EventError) as caught:
        guard.check(record, domain)
    return caught.value.reason


def test_registrations_count_in_the_order_in_which_their_client_made_them() -> None:
    guard = guard_of([OPERATOR.public])
    assert guard is not None
    newer = identity(serial=2)
    for told in (registration(1), registration(3), registration(3), registration(4, who=newer)):
        guard.check(told, "retail")
    guard.check(registration(5, None, who=newer), None)
    assert guard_of([]) is None


def test_registrations_that_somebody_else_made_or_sent_again_are_refused() -> None:
    bare = registration(1)._replace(headers=())
    assert refusal(bare) is Reason.UNSIGNED
    assert refusal(bare._replace(value=None), domain=None) is Reason.UNSIGNED
    assert refusal(registration(1)._replace(key=b"shop-2")) is Reason.FORGED
    assert refusal(registration(1), domain="health") is Reason.WRONG_DOMAIN
    assert refusal(registration(1), registration(2)) is Reason.REPLAYED
    newer = registration(2, who=identity(serial=2))
    assert refusal(registration(3), newer) is Reason.SUPERSEDED
    late = registration(1, at_ms=NOW_MS + 2 * DAY_MS)
    assert refusal(late) is Reason.EXPIRED


def test_an_identity_comes_back_from_its_directory(tmp_path: Path) -> None:
    directory = write(tmp_path / "id", SHOP)
    assert read_identity(directory) == SHOP
    assert read_identities(directory, "retail", ["shop-1"]) == {"shop-1": SHOP}


def test_a_process_of_many_clients_has_a_directory_of_identities(tmp_path: Path) -> None:
    ids = [identity("shop-1"), identity("a/b c")]
    for who in ids:
        write(identity_directory(tmp_path, who.certificate.client_id), who)
    found = read_identities(tmp_path, "retail", ["shop-1", "a/b c"])
    assert list(found.values()) == ids
    with pytest.raises(InputError, match="no identity of client 'shop-3'"):
        read_identities(tmp_path, "retail", ["shop-3"])
    for name in ("", ".", ".."):
        with pytest.raises(InputError, match="directory"):
            identity_directory(tmp_path, name)


def test_a_wrong_identity_is_told_in_one_line(tmp_path: Path) -> None:
    directory = write(tmp_path / "id", SHOP)
    with pytest.raises(InputError, match="is of client 'shop-1' in domain 'retail', not of 'x'"):
        read_identities(directory, "retail", ["x"])
    with pytest.raises(InputError, match="not of 'shop-1' in 'health'"):
        read_identities(directory, "health", ["shop-1"])
    with pytest.raises(InputError, match=r"expired at 2023.*scarcity enrol"):
        check_not_expired([SHOP], NOW_MS + 2 * DAY_MS)
    check_not_expired([SHOP], NOW_MS)
    (directory / CERTIFICATE_FILE).write_text(certificate_text(identity("shop-2").raw))
    with pytest.raises(InputError, match="of another key"):
        read_identity(directory)
    (directory / CERTIFICATE_FILE).unlink()
    with pytest.raises(InputError, match="no certificate yet"):
        read_identity(directory)


@pytest.mark.parametrize(
    "text",
    ["", "-----BEGIN SCARCITY CERTIFICATE-----", armour("SCARCITY CERTIFICATE", b"x"), "ü" * 9],
)
def test_a_file_that_holds_no_certificate_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)):
        read_certificate_file(path)


@given(st.binary(max_size=200))
def test_armour_carries_any_bytes(raw: bytes) -> None:
    text = armour("NOTE", raw, head="told")
    assert unarmour("NOTE", f"Dear operator,\r\n\r\n{text}\r\nRegards") == raw
    assert unarmour("OTHER", text) is None


def test_operators_keys_come_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    from scarcity.keys.files import public_pem

    path = tmp_path / "operators.pem"
    path.write_bytes(public_pem(OPERATOR.public) + public_pem(STRANGER.public))
    key = "SCARCITY_OPERATOR_KEYS_FILE"
    assert read_operator_keys({key: str(path)}) == [OPERATOR.public, STRANGER.public]
    assert read_operator_keys({}) == []
    with pytest.raises(InputError, match=key):
        read_operator_keys({key: str(tmp_path / "absent")})
