"""Checkpoints: a replay that begins at one is the same bytes, and what they hold is checked."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
from tests.audit.ledgers import three_domains, with_insight

from scarcity.audit.chain import Fault, read_chain
from scarcity.audit.explanation import explain
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, VersionName
from scarcity.audit.verification import VerifyReport, verify
from scarcity.events.checkpoint import Checkpoint
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import InputError

ALL = Selection()


@pytest.fixture(scope="module")
def log() -> AuditLog:
    return asyncio.run(three_domains(4, checkpoint_versions=2).read())


def check(log: AuditLog, selection: Selection = ALL, **how: bool) -> VerifyReport:
    return verify(log, selection, KnownRules(), **how)


def without_first_insights(log: AuditLog) -> AuditLog:
    """What retention does: the first record of each partition of retail is gone."""
    topic = "insights.retail"
    kept = {p: [r for r in log.insights[topic] if r.position.partition == p] for p in range(3)}
    first = dict(log.first_offsets)
    for number, records in kept.items():
        if records:
            first[topic, number] = records[0].position.offset + 1
    records = tuple(r for p in range(3) for r in kept[p][1:])
    return replace(log, insights={**log.insights, topic: records}, first_offsets=first)


def test_checkpoints_come_every_so_many_versions_a_domain(log: AuditLog) -> None:
    links = read_chain(log.ledger).links
    marked = [link.name for link in links if link.entry.checkpoint]
    # With one domain every 2 entries (bakery has none before its first), with three every 6.
    assert marked == ["retail@1", "retail@3", "bakery@0", "bakery@2", "bakery@4"]
    assert check(log).equal == len(links) == 19


def test_a_stretch_from_a_checkpoint_is_borne_out_by_itself(log: AuditLog) -> None:
    told: list[tuple[int, int]] = []
    report = verify(
        log,
        Selection("clinic", 4, 4),
        KnownRules(),
        lambda done, of: told.append((done, of)),
        from_checkpoint=True,
    )
    assert (report.asked, report.equal, report.began_at) == (1, 1, "bakery@4")
    assert report.is_sound
    assert told[-1][1] < 5


def test_a_version_is_explained_alike_from_a_checkpoint_and_from_the_beginning(
    log: AuditLog,
) -> None:
    name = VersionName("clinic", 4)
    short = explain(log, name, KnownRules(), from_checkpoint=True)
    assert short.parts == explain(log, name, KnownRules()).parts
    assert short.is_equal


def test_when_retention_took_the_beginning_a_checkpoint_gives_the_rest_back(log: AuditLog) -> None:
    report = check(without_first_insights(log))
    assert report.is_sound
    assert not report.is_complete
    # retail@1 has lost insights; its own checkpoint lies right behind it.
    assert [link.name for links in report.lost.values() for link in links] == ["retail@1"]
    assert report.resumed == ["retail@1"]
    assert report.equal == 18


def test_without_the_checkpoints_all_that_follows_is_lost(log: AuditLog) -> None:
    report = check(replace(without_first_insights(log), checkpoints=()))
    assert report.is_sound
    # The start is the default; nothing after it can be made again, in any family that tried it.
    assert report.equal == 1


def test_a_forged_checkpoint_is_not_gone_on_from(log: AuditLog) -> None:
    """Its hash is in the ledger: another state under the same key is as good as none."""
    forged = []
    for record in log.checkpoints:
        part = decode_msgpack(record.value, Checkpoint)
        part.state.scalars["insights"] = 7.0
        forged.append(record._replace(value=encode_msgpack(part)))
    changed = replace(without_first_insights(log), checkpoints=tuple(forged))
    assert check(changed).equal == 1
    with pytest.raises(InputError, match="leave out --from-checkpoint"):
        check(changed, Selection("clinic", 4, 4), from_checkpoint=True)


def test_a_checkpoint_that_holds_another_state_than_was_learned_is_a_finding(
    log: AuditLog,
) -> None:
    """A changed insight: the checkpoint's hash holds, but the states made again are others."""
    record = log.insights["insights.retail"][0]
    assert record.value is not None
    changed = record.value.replace(b'"slopes":[', b'"slopes":[9', 1)
    report = check(with_insight(log, "insights.retail", 0, changed))
    assert Fault.CHECKPOINT in [finding.fault for finding in report.findings]
    assert any("of retail the checkpoint holds" in str(finding) for finding in report.findings)


def test_an_incomplete_checkpoint_is_none(log: AuditLog) -> None:
    changed = replace(without_first_insights(log), checkpoints=log.checkpoints[1::2])
    assert check(changed).equal == 1


def test_every_event_of_a_checkpoint_decodes_to_what_was_written(log: AuditLog) -> None:
    part = decode_msgpack(log.checkpoints[0].value, Checkpoint)
    assert msgspec.structs.astuple(part)[:2] == (2, 2)  # two entries; a domain and a family
