"""A coordinator restored from what it published goes on as if it had never stopped."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.meta.feeding import (
    coordinator,
    entries,
    folded,
    insight,
    latest_states,
    memory_record,
    parameters,
    profile,
    profile_record,
    started,
)

from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import Record
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["retail", "outlet", "health"]), st.integers(0, 3)),
        st.just(("advance", 0)),
    ),
    max_size=40,
)
# Evidence so small marks clients all the time: what is remembered of them must come back too.
PATIENT = RoundPolicy(min_clients=2, quorum=0.5, deadline_s=1_000.0, quarantine=0.3)
DOMAINS_AT_WORK = [
    profile("retail", policy=PATIENT),
    profile("outlet", policy=PATIENT),
    profile("health", family="wards", inputs=3, policy=PATIENT),
]


@settings(max_examples=40, deadline=None)
@given(events=EVENTS, stop=st.integers(0, 40), compacted=st.booleans())
def test_a_restored_coordinator_goes_on_byte_for_byte_as_one_that_never_stopped(
    events: list[tuple[str, int]], stop: int, compacted: bool
) -> None:
    """At event ``stop`` a second coordinator takes over from what the first published and from the
    log; from there on both see the same. Of a compacted log the newest record of each key is left:
    then only the times at which rounds were opened may differ, and with them the entries' hashes.
    """
    meta, published = started(*DOMAINS_AT_WORK)
    log: list[Record] = []
    restored: MetaCoordinator | None = None
    for n, (what, client) in enumerate([*events, ("advance", 0)]):
        if n == min(stop, len(events)):
            left = list({r.key: r for r in log}.values()) if compacted else log
            restored = taken_over(published, left)
        if what == "advance":
            now = meta.advance(1_000 * n)
            published += now
            then = [] if restored is None else restored.advance(1_000 * n)
            if restored is not None and not compacted:
                assert then == now
                assert restored.waits == meta.waits
            elif restored is not None:
                assert [essence(p) for p in then] == [essence(p) for p in now]
            continue
        told = insight(what, f"{what}-{client}", n, newest_version(published, what))
        log.append(memory_record(folded(told, offset=n, partition=client % 3, at_ms=1_000 * n)))
        for each in (meta, restored):
            if each is not None:
                each.observe(log[-1])


def taken_over(published: list[Publication], log: list[Record]) -> MetaCoordinator:
    restored = coordinator()
    restored.restore(latest_states(published))
    for kept in (*map(profile_record, DOMAINS_AT_WORK), *log):
        restored.observe(kept)
    return restored


def essence(publication: Publication) -> list[object]:
    """All but times, and what hangs on times."""
    (entry,) = entries([publication])
    (sent,) = parameters([publication])
    states = [
        (s.key, s.version, s.tensors, s.used, s.evidence, s.marks, s.checkpoint_length)
        for s in latest_states([publication])
    ]
    return [
        msgspec.structs.replace(entry, parent="", phases_s={}, signature=""),
        msgspec.structs.replace(sent, ledger_hash=""),
        states,
    ]


def newest_version(published: list[Publication], domain: str) -> int:
    return max(e.version for e in entries(published) if e.domain == domain)
