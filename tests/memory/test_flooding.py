"""A flood of insights, good or forged, fills neither the memory nor the place of others."""

import tracemalloc

from tests.memory.folding import Folding
from tests.memory.insights import insight, record
from tests.memory.signing import STRANGER, identity, signed

from scarcity.events.errors import Reason
from scarcity.memory.global_memory import GlobalMemory

FLOOD, BATCH, BOUND = 3_000, 500, 20


def test_a_flood_of_names_leaves_the_memory_at_its_bound() -> None:
    memory = GlobalMemory(BOUND)
    held = []
    for start in range(0, FLOOD, BATCH):
        names = range(start, start + BATCH)
        memory.fold(record(insight(f"false-{n}", sequence=1), n) for n in names)
        assert len(memory) == BOUND
        if not tracemalloc.is_tracing():
            tracemalloc.start()  # the first batch has warmed caches up
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # Each insight is about 1 KiB: what is held now would otherwise have grown by 2.5 MiB.
    assert max(held) - held[0] < 500_000


def test_a_flood_by_one_client_keeps_its_latest_insight_and_takes_no_ones_place() -> None:
    memory = GlobalMemory(2)
    memory.fold([record(insight("calm", sequence=1), 0)])
    for start in range(1, FLOOD, BATCH):
        numbers = range(start, start + BATCH)
        result = memory.fold(record(insight("flood", sequence=n), n) for n in numbers)
        assert len(result.changed) == 1  # one record a batch, however many came
    assert memory.domains == {"retail": 2}
    flood, calm = memory.client("flood"), memory.client("calm")
    assert flood is not None
    assert calm is not None
    assert flood.latest.sequence == flood.source.offset == numbers[-1]


def test_forged_names_take_no_ones_place_where_signatures_are_required() -> None:
    calm = identity("calm")
    folding = Folding(max_insights=2).fold(signed(calm, 1))
    forged = [signed(identity(f"false-{n}", operator=STRANGER), 1, offset=n) for n in range(1, 200)]
    folding.fold(*forged)
    assert folding.accepted("calm") == 1
    assert len(folding.memory) == 1
    assert set(folding.reasons) == {Reason.FORGED}
    assert len(folding.reasons) == len(forged)
