"""A client that floods its topic with valid insights counts once a round, as anybody does."""

from collections.abc import Iterable

import msgspec
import pytest
from tests.meta.feeding import (
    client_record,
    entries,
    insight,
    parameters,
    profile,
    profile_record,
    started,
)

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json
from scarcity.events.errors import EventError
from scarcity.events.insight import Insight
from scarcity.events.topics import GLOBAL_MEMORY, insights_topic
from scarcity.events.types import SLOPE_SCALE, Position, Record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication

FLOOD = 300


def written(told: Insight, offset: int) -> Record:
    """As the insights topic holds it."""
    where = Position(insights_topic(told.domain), 0, offset)
    return Record(where, told.client_id.encode(), encode_json(told), 1_000)


def shouting(sequence: int) -> Insight:
    """Slopes as long as the memory lets them be."""
    plain = insight("retail", "flood", sequence)
    length = 9
    each = int(5.0 * SLOPE_SCALE / length**0.5)
    loud = {
        name: msgspec.structs.replace(one, slopes=[each] * length)
        for name, one in plain.expert_insights.items()
    }
    return msgspec.structs.replace(plain, expert_insights=loud)


def tell(meta: MetaCoordinator, memory: GlobalMemory, records: Iterable[Record]) -> None:
    result = memory.fold(records)
    assert result.dead_letters == []
    for n, out in enumerate(result.changed):
        where = Position(GLOBAL_MEMORY, out.partition or 0, n)
        meta.observe(Record(where, out.key, out.value, 1_000))


def round_of(*batches: list[Record]) -> list[Publication]:
    meta, _ = started(profile("retail"))
    memory = GlobalMemory()
    for batch in batches:
        tell(meta, memory, batch)
    return meta.advance(2_000)


def test_a_round_after_a_flood_is_the_round_of_its_last_insight_to_the_byte() -> None:
    calm = written(insight("retail", "calm", 1), 0)
    flood = [written(shouting(n), n) for n in range(1, FLOOD + 1)]
    flooded = round_of([calm], flood[:100], flood[100:])
    once = round_of([calm], flood[-1:])
    assert [e.clients for e in entries(flooded)] == [2]
    assert entries(flooded) == entries(once)
    assert parameters(flooded) == parameters(once)


def test_a_client_alone_makes_no_round_however_much_it_says() -> None:
    meta, _ = started(profile("retail"))
    memory, versions = GlobalMemory(), 0
    for n in range(1, FLOOD + 1, 50):
        tell(meta, memory, [written(shouting(n + i), n + i) for i in range(50)])
        versions += len(entries(meta.advance(2_000 + n)))
    assert versions == 0
    assert "waits for" in str(meta.waits["retail"])


def test_registrations_for_domains_that_nobody_declared_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scarcity.meta.coordinator.MOST_DOMAINS", 3)
    meta, _ = started(profile("retail"))
    for n, name in enumerate(["a", "b", "c", "d", "UPPER", "", "x" * 70]):
        told = client_record(f"false-{n}", ClientRegistered(f"false-{n}", name, 1, n))
        if name in ("a", "b"):
            meta.observe(told)
            continue
        with pytest.raises(EventError, match="no domain or one above 3") as refused:
            meta.observe(told)
        assert len(str(refused.value)) < 200
    meta.observe(client_record("calm", ClientRegistered("calm", "retail", 1, 9)))
    meta.observe(profile_record(profile("wholesale")))  # what an operator declares has room
    assert [entry.domain for entry in entries(meta.advance(3_000))] == ["wholesale"]
    assert meta.waits.keys() == {"retail", "a", "b"}
