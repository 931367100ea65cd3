"""Who counts: marks hold until they are lifted, and rulings are what entries say of them."""

from dataclasses import replace

import msgspec
from tests.audit.ledgers import OPERATOR, World

from scarcity.audit.chain import Fault, Link, read_chain
from scarcity.audit.inputs import hear
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.signatures import Trust
from scarcity.audit.standings import Standings
from scarcity.audit.verification import verify
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.ruling import Ruling
from scarcity.events.types import Outgoing
from scarcity.keys.signing import SigningKey, TrustedKeys

TRUST = Trust(operators=TrustedKeys([OPERATOR.public]))


async def ruled() -> World:
    """client-0 is marked for two rounds, and lifted."""
    world = World()
    world.add_domain("retail")
    world.round("retail")
    await world.rule("quarantine", "retail", "client-0")
    world.round("retail")
    world.round("retail")
    await world.rule("readmit", "retail", "client-0")
    world.round("retail")
    return world


def findings(log: AuditLog, trust: Trust = TRUST) -> list[str]:
    return [str(f) for f in verify(log, Selection(), KnownRules(), trust=trust).findings]


def links(log: AuditLog) -> tuple[Link, ...]:
    return read_chain(log.ledger).links


def with_ruling(log: AuditLog, at: int, **changes: object) -> AuditLog:
    """The log with fields of a ruling changed, its signature left as it was."""
    rulings = list(log.rulings)
    ruling = decode_msgpack(rulings[at].value, Ruling)
    changed = msgspec.structs.replace(ruling, **changes)
    rulings[at] = rulings[at]._replace(value=encode_msgpack(changed))
    return replace(log, rulings=tuple(rulings))


async def test_an_operator_marks_and_lifts_and_the_ledger_tells_both() -> None:
    log = await (await ruled()).read()
    assert [link.entry.clients for link in links(log)] == [0, 5, 4, 4, 5]
    (mark,) = links(log)[2].entry.marks
    assert (mark.client_id, mark.by, mark.ruling) == ("client-0", "operator", 0)
    (lift,) = links(log)[4].entry.lifted
    assert (lift.client_id, lift.ruling) == ("client-0", 1)
    assert findings(log) == []


async def test_an_insight_of_a_marked_client_must_not_be_used() -> None:
    log = await (await ruled()).read()
    standings = Standings(log.rulings, TRUST)
    record = next(r for r in log.insights["insights.retail"] if r.key == b"client-0")
    for link in links(log)[:2]:
        assert standings.check(link, [hear(record)]) == []
    for link in links(log)[2:4]:
        (found,) = standings.check(link, [hear(record)])
        assert found.fault is Fault.INPUTS
        assert "an insight of 'client-0', which is marked" in found.text
    assert standings.check(links(log)[4], [hear(record)]) == []


async def test_a_ruling_that_is_not_there_or_says_something_else_is_found() -> None:
    log = await (await ruled()).read()
    assert findings(replace(log, rulings=log.rulings[1:])) == [
        "ruling: retail@2: rulings[0]@0, which it tells of, is not there"
    ]
    (text,) = findings(with_ruling(log, 0, clients=("client-1",)))
    assert text == "ruling: retail@2: rulings[0]@0 is no quarantine of client-0"
    (text,) = findings(with_ruling(log, 1, domains=("bakery",)))
    assert text == "ruling: retail@4: rulings[0]@1 rules of something else than retail@4"


async def test_a_ruling_holds_under_an_operators_key_alone() -> None:
    log = await (await ruled()).read()
    (text,) = findings(with_ruling(log, 0, reason="another"))
    assert "the signature of rulings[0]@0 is bad" in text
    strangers = Trust(operators=TrustedKeys([SigningKey(bytes(32)).public]))
    assert all("is unknown key" in text for text in findings(log, strangers))
    assert findings(with_ruling(log, 0, reason="another"), Trust()) == []


async def test_a_ruling_that_somebody_repeats_is_not_heeded() -> None:
    world = await ruled()
    first = (await world.read_all("rulings"))[0]
    await world.publish(Outgoing("rulings", first.key, first.value, partition=0))
    world.round("retail")
    log = await world.read()
    assert links(log)[-1].entry.clients == 5
    assert links(log)[-1].entry.marks == []
