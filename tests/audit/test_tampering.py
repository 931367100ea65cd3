"""Whatever byte is changed, in the ledger or in an insight that was used, the audit finds it."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audit.ledgers import World

from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.verification import verify
from scarcity.events.codec import decode_json
from scarcity.events.errors import EventError
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.types import Record


@pytest.fixture(scope="module")
def log() -> AuditLog:
    world = World(partitions=1)
    world.add_domain("retail")
    world.round("retail", 2)
    world.round("retail", 2)
    return asyncio.run(world.read())


def changed(record: Record, at: int, to: int) -> Record:
    value = bytearray(record.value or b"")
    value[at % len(value)] = to
    return record._replace(value=bytes(value))


def says_the_same(one: Record, other: Record, kind: type[msgspec.Struct]) -> bool:
    """E.g. a digit beyond what a float64 holds, or the name of a field that had its default."""
    try:
        return decode_json(one.value, kind) == decode_json(other.value, kind)
    except EventError:
        return False


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    in_ledger=st.booleans(),
    number=st.integers(0, 3),
    at=st.integers(0, 5_000),
    to=st.integers(32, 126),
)
def test_any_changed_byte_that_says_something_else_is_found(
    log: AuditLog, in_ledger: bool, number: int, at: int, to: int
) -> None:
    records = list(log.ledger if in_ledger else log.insights["insights.retail"])
    number %= len(records)
    other = changed(records[number], at, to)
    harmless = says_the_same(records[number], other, LedgerEntry if in_ledger else Insight)
    records[number] = other
    if in_ledger:
        touched = replace(log, ledger=tuple(records))
    else:
        touched = replace(log, insights={"insights.retail": tuple(records)})
    assert verify(touched, Selection(), KnownRules()).is_sound == harmless
