"""The memory may check a MAC in place of the signature; all else stays."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.insights import insight, record
from tests.memory.signing import (
    LIMITS,
    OPERATOR,
    at,
    identity,
    revocation,
    signed,
    with_header,
)

from scarcity.events.errors import InputError, Reason
from scarcity.events.types import Record
from scarcity.keys.operators import read_memory_secret
from scarcity.keys.record_mac import MacSecret, client_mac_key
from scarcity.keys.record_signing import sign_record
from scarcity.memory.admission import MAX_INSIGHT_BYTES, AdmissionLimits
from scarcity.memory.authority import Authority
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.settings import MemorySettings

SECRET = MacSecret(bytes([8] * 32))
WITH_MACS = AdmissionLimits(authority=Authority([OPERATOR.public], MAX_INSIGHT_BYTES, SECRET))
SHOP = identity()
SHARING = replace(SHOP, mac_key=client_mac_key(SHOP.key, SECRET.public))


def told(sequence: int, offset: int = 0) -> Record:
    """An insight with a signature and a MAC."""
    bare = signed(SHOP, sequence, offset)
    headers = sign_record(
        SHARING, bare.position.topic, b"shop-1", sequence, bare.value, for_memory=True
    )
    return bare._replace(headers=headers)


def folded(*records: Record, limits: AdmissionLimits = WITH_MACS) -> tuple[int, list[str]]:
    """Accepted insights of the shop, and the reasons of what was parked."""
    memory = GlobalMemory(limits=limits)
    result = memory.fold(records)
    found = memory.client("shop-1")
    reasons = [dict(out.headers)["dl_reason"].decode() for out in result.dead_letters]
    return (found.accepted if found else 0), reasons


def test_client_and_memory_come_to_the_same_key_without_sending_it() -> None:
    assert folded(told(1), told(2, 1)) == (2, [])
    assert not any(SHARING.mac_key in value for _, value in told(1).headers)
    assert "mac_key" not in repr(SHARING)
    assert "seed" not in repr(SECRET)


def test_a_memory_without_the_secret_checks_the_signature() -> None:
    assert folded(told(1), limits=LIMITS) == (1, [])


def test_a_record_without_a_mac_is_judged_by_its_signature() -> None:
    unshared = signed(SHOP, 2, 1)
    forged = with_header(signed(SHOP, 3).headers, "sc_sig", bytes(64))
    assert folded(told(1), unshared, signed(SHOP, 3, 2)._replace(headers=forged)) == (
        2,
        [Reason.FORGED],
    )


@pytest.mark.parametrize(
    "mac", [b"", bytes(16), bytes(64), dict(told(2).headers)["sc_mac"], b"\xff" * 16]
)
def test_a_false_mac_is_a_forgery_whatever_the_signature_says(mac: bytes) -> None:
    true = told(1)
    headers = with_header(true.headers, "sc_mac", mac)
    assert folded(true._replace(headers=headers)) == (0, [Reason.FORGED])


def test_another_client_cannot_make_the_mac_of_this_one() -> None:
    mallory = identity("mallory")
    theirs = replace(SHARING, mac_key=client_mac_key(mallory.key, SECRET.public))
    true = told(1)
    headers = sign_record(theirs, true.position.topic, b"shop-1", 1, true.value, for_memory=True)
    assert folded(true._replace(headers=headers)) == (0, [Reason.FORGED])


def test_all_other_rules_hold_with_macs_too() -> None:
    log = [told(1), told(2, 1), at(told(1), 2), record(insight(sequence=3), 3)]
    log += [revocation(offset=4), told(5, 5)]
    accepted, reasons = folded(*log)
    assert reasons == [Reason.REPLAYED, Reason.UNSIGNED, Reason.REVOKED]
    assert accepted == 0  # it left with the revocation
    assert folded(*log, limits=LIMITS) == (accepted, reasons)


def test_a_certificate_for_a_point_without_secret_is_refused() -> None:
    from scarcity.keys.certificate import issue

    useless = bytes([1]) + bytes(31)  # of order 1: a shared secret would be known to all
    certificate = SHOP.certificate.__class__(
        *(getattr(SHOP.certificate, name) for name in ("client_id", "domain")),
        useless,
        *(getattr(SHOP.certificate, name) for name in SHOP.certificate.__struct_fields__[3:]),
    )
    raw = issue(certificate, OPERATOR)
    headers = with_header(told(1).headers, "sc_cert", raw)
    assert folded(told(1)._replace(headers=headers)) == (0, [Reason.FORGED])


def test_the_secret_comes_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    from scarcity.keys.files import public_pem

    path, keys = tmp_path / "memory.secret", tmp_path / "operators.pem"
    path.write_text(SECRET.seed.hex() + "\n")
    keys.write_bytes(public_pem(OPERATOR.public))
    environ = {
        "SCARCITY_MEMORY_SECRET_FILE": str(path),
        "SCARCITY_OPERATOR_KEYS_FILE": str(keys),
    }
    settings = MemorySettings.from_environment(environ)
    assert settings.senders.endswith("a MAC for signature where there is one")
    assert folded(told(1), limits=settings.limits) == (1, [])
    assert MemorySettings.from_environment({}).senders.startswith("UNSIGNED")
    for wrong in ("", "zz", "00" * 31, "ü"):
        path.write_text(wrong)
        with pytest.raises(InputError, match="SCARCITY_MEMORY_SECRET_FILE"):
            read_memory_secret(environ)
