"""Who wrote the ledger: every entry's signature is checked under the keys that are trusted."""

import asyncio
from dataclasses import replace

import pytest
from tests.audit.ledgers import OPERATOR, WRITER, World, linked_anew, three_domains, with_entry

from scarcity.audit.chain import Fault
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.signatures import NO_TRUST, Trust
from scarcity.audit.verification import VerifyReport, verify
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey, TrustedKeys

TRUST = Trust(TrustedKeys([WRITER.public]))
KEY_ID = WRITER.public.key_id


@pytest.fixture(scope="module")
def log() -> AuditLog:
    return asyncio.run(three_domains(2, signing=WRITER).read())


def check(log: AuditLog, trust: Trust = TRUST) -> VerifyReport:
    return verify(log, Selection(), KnownRules(), trust=trust)


def faults(report: VerifyReport) -> list[Fault]:
    return [finding.fault for finding in report.findings]


def test_a_signed_ledger_holds_under_the_writers_key(log: AuditLog) -> None:
    report = check(log, replace(TRUST, signed=True))
    assert report.is_sound
    assert report.signatures.good == {KEY_ID: len(log.ledger)}
    assert not report.signatures.unsigned


def test_without_keys_signatures_are_counted_and_not_checked(log: AuditLog) -> None:
    report = check(log, NO_TRUST)
    assert report.is_sound
    assert report.signatures.keys == {KEY_ID: len(log.ledger)}
    assert not report.signatures.checked


def test_a_changed_entry_in_a_chain_that_was_hashed_anew_is_found(log: AuditLog) -> None:
    """All that hashes can tell is put right: only the writer's key cannot be had."""
    forged = linked_anew(with_entry(log, len(log.ledger) - 1, closed_by="deadline"))
    assert check(forged, NO_TRUST).is_sound
    report = check(forged)
    assert faults(report) == [Fault.SIGNATURE]
    assert KEY_ID in report.findings[0].text


def test_whoever_signs_with_a_key_of_his_own_is_not_trusted(log: AuditLog) -> None:
    last = len(log.ledger) - 1
    entry = decode_json(log.ledger[last].value, LedgerEntry)
    forged = sign_event(entry, SigningKey(bytes([9] * 32)))
    ledger = (*log.ledger[:last], log.ledger[last]._replace(value=encode_json(forged)))
    report = check(replace(log, ledger=ledger, head=None))
    assert faults(report) == [Fault.SIGNATURE]
    assert "not among the trusted" in report.findings[0].text


def test_an_entry_whose_signature_was_taken_off_fails_only_where_signatures_are_required(
    log: AuditLog,
) -> None:
    stripped = linked_anew(with_entry(log, len(log.ledger) - 1, signature="", key_id=""))
    # The entries before keep their parents, hence their signatures.
    assert check(stripped).is_sound
    assert [link.name for link in check(stripped).signatures.unsigned] == ["clinic@2"]
    report = check(stripped, replace(TRUST, signed=True))
    assert faults(report) == [Fault.SIGNATURE]
    assert str(report.findings[0]) == "signature: clinic@2: it is not signed"


def test_a_key_is_replaced_by_another_and_both_are_trusted() -> None:
    world = World(signing=WRITER)
    world.add_domain("retail")
    world.round("retail")
    log = asyncio.run(world.read())
    entries = [decode_json(r.value, LedgerEntry) for r in log.ledger]
    renewed = sign_event(entries[-1], OPERATOR)
    ledger = (log.ledger[0], log.ledger[1]._replace(value=encode_json(renewed)))
    log = replace(log, ledger=ledger, head=None)
    both = Trust(TrustedKeys([WRITER.public, OPERATOR.public]), signed=True)
    report = check(log, both)
    assert report.is_sound
    assert report.signatures.good == {KEY_ID: 1, OPERATOR.public.key_id: 1}
    assert faults(check(log)) == [Fault.SIGNATURE]


def test_an_unsigned_ledger_is_sound_unless_signatures_are_required() -> None:
    world = World()
    world.add_domain("retail")
    log = asyncio.run(world.read())
    assert check(log).is_sound
    assert faults(check(log, replace(TRUST, signed=True))) == [Fault.SIGNATURE]
