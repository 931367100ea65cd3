"""What the memory took in, its successor restores, and meta and the monitor read."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.insights import insight, record
from tests.meta.feeding import coordinator

from scarcity.events.topics import GLOBAL_MEMORY
from scarcity.events.types import Position, Record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.monitor.view import SystemView

SOME = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
        st.sampled_from([2**64, 2**63, 1e308, '"source":{"offset":9}', "\\ud800", "\x00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
# Fields that an insight has, with other values; and fields that it has not.
FIELDS = st.dictionaries(
    st.one_of(
        st.sampled_from(["created_at", "epsilon", "meta_version", "avg_loss", "source", "latest"]),
        st.text(max_size=6),
    ),
    VALUES,
    max_size=4,
)


@SOME
@given(fields=FIELDS, junk=st.binary(max_size=3), at=st.integers(0, 2_000), spaces=st.booleans())
def test_whatever_was_admitted_is_restored_and_read(
    fields: dict[str, Any], junk: bytes, at: int, spaces: bool
) -> None:
    told = {**insight(sequence=1), **fields, "client_id": "shop-1", "domain": "retail"}
    raw = json.dumps(told, indent=1 if spaces else None).encode()
    at = min(at, len(raw))
    memory = GlobalMemory()
    result = memory.fold([record(raw[:at] + junk + raw[at:])])
    kept = [
        Record(Position(GLOBAL_MEMORY, out.partition or 0, n), out.key, out.value, 0)
        for n, out in enumerate(result.changed)
    ]
    assert len(kept) + len(result.dead_letters) == 1
    again = GlobalMemory()
    again.restore(kept)
    after = record(insight(sequence=2**53), 1)
    assert again.fold([after]).dead_letters == []
    assert again.by_domain("retail") == _folded(memory, after).by_domain("retail")
    meta, view = coordinator(), SystemView()
    for one in kept:
        meta.observe(one)
    view.fold(kept)
    assert view.unreadable == 0


def _folded(memory: GlobalMemory, after: Record) -> GlobalMemory:
    memory.fold([after])
    return memory
