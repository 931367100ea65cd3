"""Verification finds what was tampered with, and says what can no longer be recomputed."""

from dataclasses import replace

import pytest
from tests.audit.ledgers import START_MS, World, three_domains, with_entry, with_insight

from scarcity.audit.chain import Fault
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Moment, Selection
from scarcity.audit.verification import VerifyReport, verify
from scarcity.events.codec import decode_json
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.learning.online_maml import LearningSettings

ALL = Selection()


def check(log: AuditLog, selection: Selection = ALL, *known: LearningSettings) -> VerifyReport:
    return verify(log, selection, KnownRules(known))


def at(log: AuditLog, domain: str, version: int) -> int:
    """Index of a version's record in the ledger."""
    entries = [decode_json(r.value, LedgerEntry) for r in log.ledger]
    return [(e.domain, e.version) for e in entries].index((domain, version))


@pytest.fixture(scope="module")
def log() -> AuditLog:
    import asyncio

    return asyncio.run(three_domains(4).read())


def test_an_untouched_log_bears_its_ledger_out(log: AuditLog) -> None:
    report = check(log)
    # retail 8 rounds, bakery and clinic 4 each, and three versions 0.
    assert (report.asked, report.equal) == (19, 19)
    assert report.is_sound
    assert report.is_complete
    assert report.insights == 16 * 5


def test_a_changed_insight_is_found_where_it_was_used_with_both_hashes(log: AuditLog) -> None:
    record = log.insights["insights.retail"][0]
    assert record.value is not None
    changed = record.value.replace(b'"samples":8', b'"samples":9', 1)
    report = check(with_insight(log, "insights.retail", 0, changed))
    first = report.differing[0]
    assert first.version == "retail@1"
    assert [d.name for d in first.differences] == ["inputs_hash"]
    told = decode_json(log.ledger[at(log, "retail", 1)].value, LedgerEntry).inputs_hash
    assert first.differences[0].told == told
    assert first.differences[0].found != told
    # Samples move no parameter: all other versions are still equal.
    assert (len(report.differing), report.equal) == (1, 18)


def test_a_changed_slope_shows_in_the_result_and_in_all_that_follows(log: AuditLog) -> None:
    record = log.insights["insights.retail"][0]
    assert record.value is not None
    changed = record.value.replace(b'"slopes":[', b'"slopes":[9', 1)
    report = check(with_insight(log, "insights.retail", 0, changed))
    assert report.differing[0].version == "retail@1"
    assert {d.name for d in report.differing[0].differences} == {"inputs_hash", "result_hash"}
    assert {d.name for d in report.differing[1].differences} == {"result_hash"}
    # retail 1 to 8; the shared start carries it to bakery 0 to 4, but not to another family,
    # which tried it as a start: there the chosen start is z0 of shops, so it differs as well.
    differing = [one.version for one in report.differing]
    assert differing[:5] == ["retail@1", "retail@2", "retail@3", "retail@4", "bakery@0"]


def test_an_insight_that_is_no_insight_any_more_is_a_finding(log: AuditLog) -> None:
    report = check(with_insight(log, "insights.retail", 0, b"{}"))
    assert report.findings[0].fault is Fault.INPUTS
    assert "holds no insight of its own" in report.findings[0].text


def test_an_insight_under_another_clients_key_is_a_finding(log: AuditLog) -> None:
    record = log.insights["insights.retail"][0]
    assert record.value is not None
    other = record.value.replace(b'"client_id":"client-', b'"client_id":"someone-')
    report = check(with_insight(log, "insights.retail", 0, other))
    assert "the insight is of retail/someone-" in report.findings[0].text


def test_a_changed_entry_breaks_the_chain_and_its_own_figures(log: AuditLog) -> None:
    index = at(log, "retail", 2)
    report = check(with_entry(log, index, result_hash="0" * 64))
    assert [f.fault for f in report.findings] == [Fault.CHAIN]
    assert "retail@2" in report.findings[0].text
    (differing,) = report.differing
    (difference,) = differing.differences
    assert (differing.version, difference.name, difference.told) == (
        "retail@2",
        "result_hash",
        "0" * 64,
    )


def test_a_changed_last_entry_is_found_by_the_writers_note(log: AuditLog) -> None:
    report = check(with_entry(log, len(log.ledger) - 1, closed_by="deadline"))
    assert [f.fault for f in report.findings] == [Fault.HEAD]


def test_a_changed_start_has_the_hash_of_no_start(log: AuditLog) -> None:
    report = check(with_entry(log, 0, result_hash="0" * 64))
    assert "no start" in report.findings[-1].text
    assert not report.is_sound


def test_a_missing_entry_is_a_gap(log: AuditLog) -> None:
    index = at(log, "retail", 2)
    ledger = (*log.ledger[:index], *log.ledger[index + 1 :])
    report = check(replace(log, ledger=ledger))
    faults = [f.fault for f in report.findings]
    assert faults[:2] == [Fault.CHAIN, Fault.GAP]
    assert "version 2 of retail missing" in report.findings[1].text
    # What follows the gap stands on a state that nobody can make again.
    assert not report.is_complete


def test_a_cut_end_is_found_by_the_writers_note(log: AuditLog) -> None:
    report = check(replace(log, ledger=log.ledger[:-2]))
    assert [f.fault for f in report.findings] == [Fault.HEAD]


def test_a_second_entry_after_the_same_parent_is_a_fork(log: AuditLog) -> None:
    index = at(log, "retail", 2)
    twin = with_entry(log, index, closed_by="deadline").ledger[index]
    ledger = (*log.ledger[: index + 1], twin, *log.ledger[index + 1 :])
    report = check(replace(log, ledger=ledger))
    assert [f.fault for f in report.findings].count(Fault.FORK) >= 2  # the parent, the version
    # The entry that came first is still borne out, and so is all that stands on it.
    assert report.equal == 19


def test_an_insight_used_twice_is_found_even_when_the_ledger_is_consistent() -> None:
    """The writer repeats offsets in a chain that it hashes anew: only the auditor can tell."""
    from scarcity.audit.inputs import UsedOnce
    from scarcity.events.ledger_entry import PartitionInputs

    world = World(partitions=1)
    world.add_domain("retail")
    world.round("retail")
    import asyncio

    log = asyncio.run(world.read())
    entry = decode_json(log.ledger[1].value, LedgerEntry)
    assert entry.inputs == [PartitionInputs.of(0, [0, 1, 2, 3, 4])]
    once = UsedOnce()
    assert once.check(entry, []) == []
    assert "although versions before used up to 4" in once.check(entry, [])[0]


def test_retention_takes_versions_from_recomputation_but_is_no_fault(log: AuditLog) -> None:
    topic = "insights.clinic"
    kept = {p: [r for r in log.insights[topic] if r.position.partition == p] for p in range(3)}
    partition = next(p for p, records in kept.items() if len(records) > 1)
    gone = kept[partition][0]
    records = tuple(r for r in log.insights[topic] if r is not gone)
    first = {**log.first_offsets, (topic, partition): kept[partition][1].position.offset}
    report = check(replace(log, insights={**log.insights, topic: records}, first_offsets=first))
    assert report.is_sound
    assert not report.is_complete
    lost = [link.name for links in report.lost.values() for link in links]
    assert lost == ["clinic@1", "clinic@2", "clinic@3", "clinic@4"]
    assert next(iter(report.lost)).startswith(f"{gone.position} is gone")
    assert report.equal == 19 - 4


def test_a_record_missing_among_kept_ones_is_a_fault(log: AuditLog) -> None:
    topic = "insights.clinic"
    records = log.insights[topic]
    at = next(
        i for i, r in enumerate(records) if i and records[i - 1].position[:2] == r.position[:2]
    )
    report = check(with_insight(log, topic, at, None))
    assert [f.fault for f in report.findings] == [Fault.INPUTS]
    assert "is missing among records that are kept" in report.findings[0].text


def test_one_domain_is_verified_with_what_its_family_needs(log: AuditLog) -> None:
    told: list[tuple[int, int]] = []
    report = verify(
        log, Selection("bakery", 1, 2), KnownRules(), lambda done, of: told.append((done, of))
    )
    assert (report.asked, report.equal) == (2, 2)
    # retail 0-6 and bakery 0-2 share a family; retail's rounds 5 and 6 are before bakery's 2.
    assert told[-1] == (10, 10)


def test_a_stretch_of_time_selects_versions_by_when_they_were_written(log: AuditLog) -> None:
    report = check(log, Selection("retail", Moment(START_MS + 1), Moment(START_MS + 2_000)))
    assert report.asked == 2


def test_what_the_ledger_does_not_hold_is_refused(log: AuditLog) -> None:
    with pytest.raises(InputError, match="holds no version of domain 'nowhere'; it holds: bakery"):
        check(log, Selection("nowhere"))
    with pytest.raises(InputError, match="between --from and --to"):
        check(log, Selection("retail", 99, None))


async def test_versions_under_unknown_rules_are_lost_until_the_settings_are_given() -> None:
    settings = LearningSettings(rate=0.05)
    world = World(settings=settings)
    world.add_domain("retail")
    world.round("retail")
    log = await world.read()
    report = check(log)
    assert report.is_sound
    assert not report.is_complete
    assert "--settings FILE" in next(iter(report.lost))
    assert check(log, ALL, settings).equal == 2


async def test_a_start_that_only_another_version_of_the_code_knows_is_lost_and_no_fault() -> None:
    world = World(code_version="9.9")
    world.add_domain("retail")
    world.round("retail")
    log = await world.read()
    assert check(log).equal == 2  # this version knows the same start
    assert check(log).code_versions == {"9.9"}
    other = with_entry(log, 0, result_hash="0" * 64)
    head = replace(log, ledger=other.ledger[:1], head=None)
    report = check(head)
    assert report.is_sound
    assert "audit with scarcity 9.9" in next(iter(report.lost))


async def test_an_empty_ledger_is_sound() -> None:
    report = check(await World().read())
    assert report.is_sound
    assert report.asked == 0
