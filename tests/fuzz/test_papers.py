"""Tokens, requests, certificates and registers that somebody changed or made up."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.hostile import HOSTILE, values_of
from tests.memory.signing import LIMITS, NOW_MS, identity

from scarcity.enrolment.joining import install, join
from scarcity.enrolment.office import REGISTER_FILE, Office, Terms, open_office
from scarcity.enrolment.papers import read_request, read_token, token_bytes
from scarcity.events.errors import EventError, InputError, SignatureError
from scarcity.events.revocation import Revocation
from scarcity.events.types import Position, Record
from scarcity.keys.certificate import MAX_CERTIFICATE_BYTES, is_issued_by, read_certificate
from scarcity.keys.identity import armour, unarmour
from scarcity.keys.record_mac import read_memory_key
from scarcity.keys.record_signing import Attested

SOME = settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SHOP = identity()
# By number: a hundred kilobytes would be printed whole with every failure.
HOSTILE_BYTES = st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return open_office(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="module")
def token(office: Office) -> str:
    return office.invite("shop-1", "retail", Terms(), token_days=7, now_ms=NOW_MS)


@pytest.fixture(scope="module")
def request_paper(token: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return join(tmp_path_factory.mktemp("client"), token).read_text()


@SOME
@given(at=st.integers(0, 400), junk=st.text(max_size=8), cut=st.integers(0, 8))
def test_a_changed_token_is_refused_or_says_what_it_said(
    token: str, at: int, junk: str, cut: int
) -> None:
    changed = token[:at] + junk + token[at + cut :]
    with contextlib.suppress(InputError):
        assert read_token(token_bytes(changed)) == read_token(token_bytes(token))


@SOME
@given(at=st.integers(0, 900), junk=st.text(max_size=8), cut=st.integers(0, 8))
def test_a_changed_request_is_refused_or_asks_for_the_same(
    request_paper: str, office: Office, at: int, junk: str, cut: int
) -> None:
    changed = request_paper[:at] + junk + request_paper[at + cut :]
    with contextlib.suppress(InputError):
        assert read_request(changed)[0] == read_request(request_paper)[0]


@SOME
@given(raw=st.one_of(st.binary(max_size=300), HOSTILE_BYTES))
def test_any_bytes_for_a_paper_are_refused(office: Office, raw: bytes) -> None:
    with pytest.raises(InputError):
        read_token(raw)
    for text in (raw.decode(errors="replace"), armour("SCARCITY ENROLMENT REQUEST", raw)):
        with pytest.raises(InputError) as refused:
            office.sign(text, now_ms=NOW_MS)
        assert len(str(refused.value)) < 1_000
    with pytest.raises(InputError):
        read_memory_key(raw, office.key.public)
    unarmour("SCARCITY CERTIFICATE", raw.decode(errors="replace"))


@SOME
@given(
    at=st.integers(0, len(SHOP.raw)), junk=st.binary(max_size=40), cut=st.integers(0, 20),
)  # fmt: skip
def test_a_changed_certificate_is_refused_or_issued_by_nobody(
    office: Office, at: int, junk: bytes, cut: int
) -> None:
    raw = SHOP.raw[:at] + junk + SHOP.raw[at + cut :]
    with contextlib.suppress(SignatureError):
        read_certificate(raw)
        assert not is_issued_by(raw, office.key.public)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_certificate_is_refused_before_it_is_decoded(number: int) -> None:
    raw = bytes(64) + HOSTILE[number]
    with pytest.raises(SignatureError) as refused:
        read_certificate(raw)
    assert ("at most" in str(refused.value)) is (len(raw) > MAX_CERTIFICATE_BYTES)


@SOME
@given(text=st.text(max_size=200))
def test_any_file_for_a_certificate_is_refused_in_one_line(
    request_paper: str, tmp_path: Path, text: str
) -> None:
    directory = tmp_path / "identity"
    directory.mkdir(exist_ok=True)
    file = tmp_path / "x.cert"
    file.write_text(text, "utf-8", errors="replace")
    with pytest.raises(InputError):
        install(directory, file)


@SOME
@given(raw=st.one_of(st.binary(max_size=80), HOSTILE_BYTES))
def test_a_damaged_register_is_told_or_read(tmp_path: Path, raw: bytes) -> None:
    directory = tmp_path / "ca"
    office = Office(directory) if directory.exists() else open_office(directory)
    (directory / REGISTER_FILE).write_bytes(raw)
    with contextlib.suppress(InputError):
        office.register()


@SOME
@given(value=values_of("Revocation", tensors=False), key=st.binary(max_size=12))
def test_any_revocation_is_judged_and_none_holds_but_an_operators(value: bytes, key: bytes) -> None:
    assert LIMITS.authority is not None
    headers = (("ce_type", b"scarcity.Revocation.v1"),)
    record = Record(Position("insights.retail", 0, 0), key, value, NOW_MS, headers)
    judged = LIMITS.authority.judge(record, None)
    assert isinstance(judged, EventError)
    assert not isinstance(judged, Attested | Revocation)
