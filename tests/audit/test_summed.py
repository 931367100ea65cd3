"""Versions from secure sums are made again from the messages that the ledger names."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.audit.ledgers import linked_anew, with_entry
from tests.secagg.world import World, waves

from scarcity.audit.bundle import read_bundle, write_bundle
from scarcity.audit.counterfactual import Question, counterfactual
from scarcity.audit.explanation import explain
from scarcity.audit.log import AuditLog, read_log
from scarcity.audit.rules import KnownRules
from scarcity.audit.screen import explanation_text
from scarcity.audit.selection import Selection, VersionName
from scarcity.audit.verification import VerifyReport, verify
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.secure_term import SecureTerm
from scarcity.events.standing import Mark
from scarcity.events.tensor import TensorPayload

TERMS = "secagg-terms.waves"


@pytest.fixture(scope="module")
def world() -> World:
    """Four versions; a client goes while terms are masked, another before shares are sent."""
    world = World(waves(7))
    world.until_version(1)
    world.until_stage("mask")
    world.kill("c01")
    world.until_version(2)
    world.until_stage("share")
    world.kill("c02")
    world.until_version(3)
    return world


@pytest.fixture
async def log(world: World) -> AuditLog:
    return await read_log(world.log)


def report(log: AuditLog) -> VerifyReport:
    return verify(log, Selection(), KnownRules())


async def test_every_version_is_made_again_bit_for_bit(log: AuditLog) -> None:
    found = report(log)
    assert (found.asked, found.equal) == (4, 4)
    assert found.is_sound
    assert found.is_complete


async def test_a_bundle_holds_the_messages_that_versions_used(
    log: AuditLog, tmp_path: Path
) -> None:
    path = tmp_path / "sums.zip"
    write_bundle(path, log, [], exported_at_ms=0)
    read, _ = read_bundle(path)
    assert read.insights.keys() == log.insights.keys()
    assert len(read.terms[TERMS]) <= len(log.terms[TERMS])
    assert report(read).equal == 4


def with_term(log: AuditLog, number: int, **changes: object) -> AuditLog:
    """The log with a message changed."""
    records = list(log.terms[TERMS])
    term = decode_msgpack(records[number].value, SecureTerm)
    changed = encode_msgpack(replace_fields(term, **changes))
    records[number] = records[number]._replace(value=changed)
    return replace(log, terms={TERMS: tuple(records)})


def replace_fields(term: SecureTerm, **changes: object) -> SecureTerm:
    fields = {name: getattr(term, name) for name in term.__struct_fields__}
    return SecureTerm(**{**fields, **changes})  # type: ignore[arg-type]


def first_masked(log: AuditLog) -> tuple[int, TensorPayload]:
    for number, record in enumerate(log.terms[TERMS]):
        term = decode_msgpack(record.value, SecureTerm)
        if term.masked is not None:
            return number, term.masked
    raise AssertionError


async def test_a_term_that_was_changed_is_found(log: AuditLog) -> None:
    number, payload = first_masked(log)
    data = bytes([payload.data[0] ^ 1]) + payload.data[1:]
    found = report(with_term(log, number, masked=TensorPayload(payload.shape, "int64", data)))
    assert not found.is_sound
    assert any("inputs_hash" in str(one) for one in found.findings)


async def test_terms_and_hash_changed_together_still_differ(log: AuditLog) -> None:
    number, payload = first_masked(log)
    data = bytes([payload.data[0] ^ 1]) + payload.data[1:]
    forged = with_term(log, number, masked=TensorPayload(payload.shape, "int64", data))
    told = [str(one) for one in report(forged).findings]
    recomputed = next(t.rpartition(" ")[2] for t in told if "inputs_hash" in t)
    again = report(linked_anew(with_entry(forged, 1, inputs_hash=recomputed)))
    assert again.differing[0].version == "waves@1"
    assert again.differing[0].differences[0].name == "result_hash"


async def test_a_message_that_retention_took_is_lost_and_no_fault(log: AuditLog) -> None:
    records = tuple(r for r in log.terms[TERMS] if r.position.offset)
    first = {where: 1 for where in log.first_offsets if where[0] == TERMS}
    found = report(
        replace(log, terms={TERMS: records}, first_offsets={**log.first_offsets, **first})
    )
    assert found.is_sound
    assert not found.is_complete


async def test_a_term_of_a_client_that_was_marked_before_is_found(log: AuditLog) -> None:
    mark = Mark("c03", "operator", -1, -1, ruling=0)
    found = report(linked_anew(with_entry(log, 1, marks=[mark])))
    assert any("has a term of 'c03', which is marked" in str(one) for one in found.findings)


async def test_nobody_can_tell_what_a_sum_would_be_without_a_client(log: AuditLog) -> None:
    with pytest.raises(ServiceError, match="without c00 nobody can tell"):
        counterfactual(log, Question(without=["c00"]), KnownRules())


async def test_rounds_of_sums_are_not_cut_anew(log: AuditLog) -> None:
    with pytest.raises(InputError, match="secure sum: other rounds cannot be told"):
        counterfactual(log, Question(policy=RoundPolicy(min_clients=3)), KnownRules())


async def test_a_version_is_explained_without_parts(log: AuditLog) -> None:
    told = explain(log, VersionName("waves", 2), KnownRules())
    assert told.is_equal
    assert told.parts == ()
    assert told.step_norm > 0
    text = explanation_text(told)
    assert any("nobody's part can be told" in str(line) for line in text.renderables)  # type: ignore[attr-defined]
