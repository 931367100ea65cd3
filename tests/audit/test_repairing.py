"""A repair takes clients out for good: in the parameters, in the ledger, and in what follows."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.audit.ledgers import OPERATOR, WRITER, World, with_insight

from scarcity.audit.chain import Fault
from scarcity.audit.counterfactual import Question, counterfactual
from scarcity.audit.log import AuditLog
from scarcity.audit.past import past_state
from scarcity.audit.publication import RepairPlan, publish_repair
from scarcity.audit.repairing import RepairCourse
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, parse_as_of
from scarcity.audit.signatures import Trust
from scarcity.audit.verification import VerifyReport, verify
from scarcity.events.codec import decode_json
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey, TrustedKeys
from scarcity.memory.settings import MemorySettings
from scarcity.meta.rulings import ruling_record

BAD = "client-3"
TRUST = Trust(TrustedKeys([WRITER.public]), TrustedKeys([OPERATOR.public]), signed=True)


def taught(rounds: int = 3) -> World:
    """Two domains of a family and one of another; a client of `retail` is bad."""
    world = World(signing=WRITER, checkpoint_versions=100)
    world.add_domain("retail")
    for _ in range(rounds):
        world.round("retail", bad=BAD)
    world.add_domain("bakery")
    world.add_domain("clinic", "wards", columns=5)
    for _ in range(rounds):
        world.round("retail", bad=BAD)
        world.round("bakery")
        world.round("clinic")
    return world


def plan(
    *without: str, key: SigningKey = OPERATOR, agreed: bool = True, patience_s: float = 5.0
) -> RepairPlan:
    return RepairPlan(
        without, key, KnownRules(), lambda _: agreed, reason="test", patience_s=patience_s
    )


async def repair(world: World, *without: str) -> list[str]:
    links = await publish_repair(world, plan(*without), lambda: world.now_ms)
    return [link.name for link in links]


def check(log: AuditLog) -> VerifyReport:
    return verify(log, Selection(), KnownRules(), trust=TRUST)


def entries(log: AuditLog) -> list[LedgerEntry]:
    return [decode_json(r.value, LedgerEntry) for r in log.ledger]


async def test_a_repair_gives_the_state_that_a_counterfactual_tells() -> None:
    world = taught()
    before = await world.read()
    told = counterfactual(before, Question(without=[BAD], domain="retail"), KnownRules())
    # bakery shares z0 with retail; clinic tried its start, and took it.
    assert await repair(world, BAD) == ["bakery@4", "clinic@4", "retail@7"]
    after = await world.read()
    past = past_state(after, parse_as_of("retail@7"), KnownRules(), MemorySettings())
    state, altered = past.domains["retail"].state, told[0].altered.state
    assert state is not None
    assert altered is not None
    assert np.array_equal(state.z, altered.z)
    assert past.domains["retail"].is_equal


async def test_the_ledger_tells_the_repair_and_an_audit_makes_it_again() -> None:
    world = taught()
    await repair(world, BAD)
    world.round("retail")
    world.round("clinic")
    log = await world.read()
    report = check(log)
    assert report.is_sound, report.findings
    assert report.is_complete
    told = {f"{e.domain}@{e.version}": e for e in entries(log)}
    note = told["retail@7"].repair
    assert note is not None
    assert (note.without, note.base_length) == ((BAD,), 15)
    assert note.base_hash == told["bakery@4"].parent
    # Only where it was heard; client-3 of bakery and clinic is another word for another client,
    # but ids are one name space: it is taken out everywhere.
    assert [m.client_id for m in told["retail@7"].marks] == [BAD]
    assert told["retail@8"].clients == 4  # all but the one that was taken out
    assert [e.checkpoint != "" for e in entries(log)].count(True) == 1


async def test_a_client_that_was_taken_out_counts_again_when_it_is_readmitted() -> None:
    world = taught()
    await repair(world, BAD)
    world.round("retail")
    await world.rule("readmit", "retail", BAD)
    world.round("retail")
    log = await world.read()
    last = entries(log)[-1]
    assert last.clients == 5
    assert [lift.client_id for lift in last.lifted] == [BAD]
    assert check(log).is_sound
    # A second repair leaves out what the first one did, and not what came after the lift.
    assert "retail@10" in await repair(world, "client-1")
    world.round("retail")
    log = await world.read()
    report = check(log)
    assert report.is_sound, report.findings
    assert report.is_complete


async def test_versions_made_meanwhile_are_not_lost() -> None:
    """The ledger goes on between reading and asking: the first request comes too late."""
    world = taught()

    def agreed(_: RepairCourse) -> bool:
        world.round("retail")
        world.round("clinic")
        return True

    plan_ = replace(plan(BAD), agreed=agreed)
    links = await publish_repair(world, plan_, lambda: world.now_ms)
    assert [link.name for link in links] == ["bakery@4", "clinic@5", "retail@8"]
    assert len(await world.read_all("rulings")) == 2
    # The late request held the domains until the second came.
    log = await world.read()
    assert check(log).is_sound
    assert links[0].entry.repair is not None
    assert links[0].entry.repair.base_length == 17


async def test_nothing_is_published_without_a_second_yes() -> None:
    world = taught(1)
    assert await publish_repair(world, plan(BAD, agreed=False), lambda: world.now_ms) == []
    assert await world.read_all("rulings") == []


async def test_a_ruling_of_a_stranger_changes_nothing() -> None:
    world = taught(1)
    stranger = plan(BAD, key=SigningKey(bytes([7] * 32)), patience_s=0.05)
    with pytest.raises(ServiceError, match=r"did not apply .* SCARCITY_META_OPERATOR"):
        await publish_repair(world, stranger, lambda: world.now_ms)
    assert len((await world.read()).ledger) == 7


async def test_a_client_that_nobody_heard_cannot_be_taken_out() -> None:
    world = taught(1)
    with pytest.raises(InputError, match="'nobody' is heard in no version"):
        await repair(world, "nobody")
    with pytest.raises(InputError, match="the ledger is empty"):
        await repair(World(), BAD)


async def test_a_repair_of_a_ledger_that_does_not_hold_is_refused() -> None:
    log = await taught(1).read()
    record = log.insights["insights.retail"][0]
    changed = (record.value or b"").replace(b'"slopes":[', b'"slopes":[9', 1)
    with pytest.raises(ServiceError, match="verify"):
        RepairCourse(with_insight(log, "insights.retail", 0, changed), KnownRules(), [BAD])


async def test_a_repair_with_another_state_is_found() -> None:
    """The operator's word puts it into the parameters; an audit shows that it is none without."""
    world = taught(1)
    course = RepairCourse(await world.read(), KnownRules(), [BAD])
    ruling = course.ruling(ruled_at_ms=world.now_ms)
    state = next(s for s in ruling.states if s.key == "retail")
    z = state.tensors["z"]
    moved = np.frombuffer(z.data, "<f8") + 1.0
    state.tensors["z"] = msgspec.structs.replace(z, data=moved.tobytes())
    await world.publish(ruling_record(sign_event(ruling, OPERATOR), at_ms=world.now_ms))
    report = check(await world.read())
    assert report.differing[0].version == "retail@3"
    # The state behind it, which the checkpoint holds, is another one too.
    assert Fault.RULING in [finding.fault for finding in report.findings]


async def test_a_repair_that_leaves_a_domain_out_is_found() -> None:
    world = taught(2)
    course = RepairCourse(await world.read(), KnownRules(), [BAD])
    ruling = course.ruling(ruled_at_ms=world.now_ms)
    some = tuple(s for s in ruling.states if s.key != "bakery")
    less = msgspec.structs.replace(
        ruling, states=some, domains=tuple(d for d in ruling.domains if d != "bakery")
    )
    await world.publish(ruling_record(sign_event(less, OPERATOR), at_ms=world.now_ms))
    findings = [str(finding) for finding in check(await world.read()).findings]
    assert any("the repair leaves bakery as it was" in text for text in findings)
