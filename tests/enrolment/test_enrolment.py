"""From a token to a certificate, by files: what is granted, and what is refused."""

import threading
from pathlib import Path

import pytest

from scarcity.enrolment.joining import (
    NEXT_KEY_FILE,
    OPERATOR_FILE,
    install,
    join,
    renew,
)
from scarcity.enrolment.office import DAY_MS, REGISTER_FILE, Office, Terms, open_office
from scarcity.enrolment.papers import Token, read_request, request_text, token_bytes, token_text
from scarcity.enrolment.revoking import signed_revocation
from scarcity.events.errors import InputError
from scarcity.keys.certificate import read_certificate
from scarcity.keys.identity import certificate_text, read_identity
from scarcity.keys.record_mac import MacSecret, certified_memory_key, client_mac_key
from scarcity.keys.signing import SigningKey

NOW_MS = 1_700_000_000_000


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path / "ca")


def invite(office: Office, client: str = "hospital-a", now_ms: int = NOW_MS, **terms: float) -> str:
    return office.invite(client, "medical", Terms(**terms), token_days=7, now_ms=now_ms)


def signed(office: Office, directory: Path, request: Path, now_ms: int = NOW_MS) -> Path:
    """The operator's answer, as a file that comes back."""
    path = directory.with_suffix(".cert")
    path.write_text(certificate_text(office.sign(request.read_text(), now_ms=now_ms)))
    return path


def joined(office: Office, directory: Path, now_ms: int = NOW_MS) -> Path:
    request = join(directory, invite(office, now_ms=now_ms))
    install(directory, signed(office, directory, request, now_ms))
    return directory


def test_a_client_joins_by_a_token_and_its_key_stays_with_it(
    office: Office, tmp_path: Path
) -> None:
    directory = tmp_path / "id"
    request = join(directory, invite(office, epsilon_limit=3.0, valid_days=30))
    secret = (directory / "client.key").read_bytes()
    assert (directory / "client.key").stat().st_mode & 0o777 == 0o600
    told = install(directory, signed(office, directory, request))
    identity = read_identity(directory)
    assert (told.client_id, told.domain, told.epsilon_limit) == ("hospital-a", "medical", 3.0)
    assert told.expires_at_ms == NOW_MS + 30 * DAY_MS
    assert identity.certificate == told
    assert not request.exists()
    seed = identity.key.seed
    for path in (tmp_path / "ca").iterdir():
        assert seed not in path.read_bytes()
        assert secret not in path.read_bytes()


def test_a_token_is_good_for_one_use(office: Office, tmp_path: Path) -> None:
    token = invite(office)
    first, second = join(tmp_path / "a", token), join(tmp_path / "b", token)
    serial = read_certificate(office.sign(first.read_text(), now_ms=NOW_MS)).serial
    for request in (second, first):
        with pytest.raises(InputError, match=f"was used already: certificate {serial} "):
            office.sign(request.read_text(), now_ms=NOW_MS)


def test_a_token_used_twice_at_once_is_used_once(office: Office, tmp_path: Path) -> None:
    token = invite(office)
    requests = [join(tmp_path / f"{n}", token).read_text() for n in range(4)]
    outcomes: list[str] = []

    def sign(request: str) -> None:
        try:
            office.sign(request, now_ms=NOW_MS)
            outcomes.append("signed")
        except InputError:
            outcomes.append("refused")

    threads = [threading.Thread(target=sign, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 3 + ["signed"]


def test_a_token_ages(office: Office, tmp_path: Path) -> None:
    request = join(tmp_path / "id", invite(office)).read_text()
    with pytest.raises(InputError, match="too old"):
        office.sign(request, now_ms=NOW_MS + 8 * DAY_MS)


def test_tokens_of_others_and_changed_ones_are_refused(office: Office, tmp_path: Path) -> None:
    other = open_office(tmp_path / "other")
    stranger = join(tmp_path / "a", invite(other)).read_text()
    with pytest.raises(InputError, match="another operator"):
        office.sign(stranger, now_ms=NOW_MS)
    made_up = Token(bytes(16), "hospital-a", "medical", 2**50, office.key.public.raw)
    unknown = request_text(token_bytes(token_text(made_up, office.key)), SigningKey.make())
    with pytest.raises(InputError, match="not in the register"):
        office.sign(unknown, now_ms=NOW_MS)
    token = invite(office)
    changed = token[:60] + ("A" if token[60] != "A" else "B") + token[61:]
    for wrong in (changed, token[:-9], "sct1.", "hello", "sct1.\u00fc", token * 200):
        with pytest.raises(InputError, match="token"):
            join(tmp_path / "b", wrong)


def test_a_request_that_was_changed_is_refused(office: Office, tmp_path: Path) -> None:
    request, asked = read_request(join(tmp_path / "a", invite(office)).read_text())
    other, _ = read_request(join(tmp_path / "b", invite(office, "hospital-b")).read_text())
    import msgspec

    from scarcity.enrolment.papers import REQUEST
    from scarcity.keys.identity import armour

    swapped = msgspec.structs.replace(request, public_key=other.public_key)
    body = msgspec.msgpack.encode(swapped)
    raw = msgspec.msgpack.encode(msgspec.structs.replace(asked, body=body))
    for text, told in (
        (armour(REQUEST, raw), "changed on its way"),
        (armour(REQUEST, b"\xc1"), "cannot be read"),
        (armour(REQUEST, raw[:-20]), "cannot be read"),
        ("hello", "holds no request"),
    ):
        with pytest.raises(InputError, match=told):
            office.sign(text, now_ms=NOW_MS)


def test_a_name_is_good_for_one_domain(office: Office, tmp_path: Path) -> None:
    joined(office, tmp_path / "id")
    with pytest.raises(InputError, match="enrolled in domain 'medical'"):
        office.invite("hospital-a", "retail", Terms(), token_days=7, now_ms=NOW_MS)
    with pytest.raises(InputError, match="256"):
        office.invite("x" * 300, "retail", Terms(), token_days=7, now_ms=NOW_MS)


def test_a_renewal_keeps_the_name_and_raises_the_serial(office: Office, tmp_path: Path) -> None:
    directory = joined(office, tmp_path / "id")
    before = read_identity(directory)
    request = renew(directory)
    assert read_identity(directory) == before  # it goes on under the old one meanwhile
    told = install(directory, signed(office, directory, request, NOW_MS + DAY_MS))
    assert (told.client_id, told.domain) == ("hospital-a", "medical")
    assert told.serial > before.certificate.serial
    assert told.public_key != before.certificate.public_key
    assert read_identity(directory).certificate == told
    assert not (directory / NEXT_KEY_FILE).exists()


def test_a_renewal_is_granted_once_and_to_the_holder_of_the_key(
    office: Office, tmp_path: Path
) -> None:
    directory = joined(office, tmp_path / "id")
    certificate = read_identity(directory)
    thief = certificate.__class__(SigningKey.make(), certificate.certificate, certificate.raw)
    from scarcity.enrolment.papers import renewal_text

    with pytest.raises(InputError, match="not signed by the key"):
        office.sign(renewal_text(thief, SigningKey.make()), now_ms=NOW_MS)
    request = renew(directory).read_text()
    office.sign(request, now_ms=NOW_MS)
    with pytest.raises(InputError, match="renewed already"):
        office.sign(request, now_ms=NOW_MS)


def test_what_expired_or_was_revoked_is_not_renewed(office: Office, tmp_path: Path) -> None:
    directory = joined(office, tmp_path / "id")
    request = renew(directory).read_text()
    with pytest.raises(InputError, match="has expired"):
        office.sign(request, now_ms=NOW_MS + 400 * DAY_MS)
    serial = read_identity(directory).certificate.serial
    told = signed_revocation("hospital-a", "medical", serial, "", key=office.key, now_ms=NOW_MS)
    office.note_revocation(told)
    with pytest.raises(InputError, match="was revoked"):
        office.sign(request, now_ms=NOW_MS)
    assert office.register().clients["hospital-a"].is_revoked


def test_a_revoked_client_may_be_invited_anew(office: Office, tmp_path: Path) -> None:
    directory = joined(office, tmp_path / "id")
    serial = read_identity(directory).certificate.serial
    office.note_revocation(
        signed_revocation("hospital-a", "medical", serial, "", key=office.key, now_ms=NOW_MS)
    )
    with pytest.raises(InputError, match="identity already"):
        join(directory, invite(office))
    request = join(directory, invite(office), again=True)
    told = install(directory, signed(office, directory, request))
    assert told.serial > serial
    assert not office.register().clients["hospital-a"].is_revoked


def test_serials_rise_even_when_the_register_is_lost(office: Office, tmp_path: Path) -> None:
    joined(office, tmp_path / "a")
    first = read_identity(tmp_path / "a").certificate.serial
    (office.directory / REGISTER_FILE).write_bytes(b"")
    joined(office, tmp_path / "b", NOW_MS + 1_000)
    assert read_identity(tmp_path / "b").certificate.serial > first


def test_a_certificate_is_taken_only_from_the_tokens_operator_and_for_the_own_key(
    office: Office, tmp_path: Path
) -> None:
    other = open_office(tmp_path / "other")
    directory = tmp_path / "id"
    join(directory, invite(office))
    forged = signed(other, tmp_path / "x", join(tmp_path / "x", invite(other)))
    with pytest.raises(InputError, match="not signed by the operator"):
        install(directory, forged)
    foreign = signed(office, tmp_path / "y", join(tmp_path / "y", invite(office)))
    with pytest.raises(InputError, match="for another key"):
        install(directory, foreign)
    (directory / OPERATOR_FILE).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        install(directory, foreign)


def test_the_memorys_key_comes_with_the_certificate(office: Office, tmp_path: Path) -> None:
    secret_file = tmp_path / "memory.secret"
    office.make_memory_key(secret_file)
    assert secret_file.stat().st_mode & 0o777 == 0o600
    secret = MacSecret(bytes.fromhex(secret_file.read_text()))
    directory = tmp_path / "id"
    raw = office.sign(join(directory, invite(office)).read_text(), now_ms=NOW_MS)
    answer = tmp_path / "answer"
    false = certified_memory_key(secret.public, SigningKey.make())
    answer.write_text(certificate_text(raw, false))
    with pytest.raises(InputError, match="memory's key in it is not signed"):
        install(directory, answer)
    answer.write_text(certificate_text(raw, office.memory_key()))
    install(directory, answer)
    identity = read_identity(directory)
    assert identity.mac_key == client_mac_key(identity.key, secret.public)
    with pytest.raises(InputError, match="is there already"):
        office.make_memory_key(tmp_path / "other")


def test_a_damaged_register_is_told_by_its_line(office: Office) -> None:
    with (office.directory / REGISTER_FILE).open("a") as file:
        file.write("{}\n")
    with pytest.raises(InputError, match="line 1"):
        office.register()
    with pytest.raises(InputError, match="holds a register already"):
        open_office(office.directory)
