"""Whatever lies in a topic, who reads it goes on: a record is taken, or refused with a reason."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.hostile import values_of
from tests.meta.feeding import coordinator

from scarcity.broker.declared import DOMAIN_MARK, load_topics
from scarcity.broker.schemas import EVENTS
from scarcity.client.view import DomainView
from scarcity.events.errors import EventError
from scarcity.events.types import Position, Record
from scarcity.gossip.members import Members
from scarcity.memory.global_memory import GlobalMemory
from scarcity.monitor.view import SystemView

DECLARED = load_topics(Path(__file__).parents[2] / "topics.yaml")
TOPICS = {topic.name: topic for topic in DECLARED.topics}
SOME = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
KEYS = st.one_of(
    st.none(),
    st.binary(max_size=8),
    st.sampled_from([b"retail", b"retail/shop-1", b"shop-1", b"*", b"*family", b"/", b"1/retail"]),
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["dl_reason", "ce_type", "", "x"]), st.binary(max_size=8)),
    max_size=3,
).map(tuple)


def records(topic: str) -> st.SearchStrategy[Record]:
    """Records of a topic; a third of them tombstones or worse."""
    declared = TOPICS[topic]
    tensors = declared.encoding == "msgpack"
    value = (
        values_of(declared.value, tensors) if declared.value in EVENTS else st.binary(max_size=64)
    )
    return st.builds(
        Record,
        st.builds(
            Position,
            st.just(topic.replace(DOMAIN_MARK, "retail")),
            st.integers(0, 2),
            st.integers(0, 10**12),
        ),
        KEYS,
        st.one_of(value, value, st.none()),
        st.integers(-(2**40), 2**53),
        HEADERS,
    )


READERS: dict[str, Callable[[], Callable[[Record], None]]] = {
    "memory": lambda: _fold(GlobalMemory(3)),
    "meta": lambda: coordinator().observe,
    "gossip": lambda: Members(60_000).apply,
    "monitor": lambda: _shown(SystemView()),
    "client": lambda: DomainView("retail", frozenset({"shop-1"})).apply,
}


def _fold(memory: GlobalMemory) -> Callable[[Record], None]:
    def take(record: Record) -> None:
        result = memory.fold([record])
        # Nothing is lost: what was not taken is parked, byte for byte.
        assert all((parked.value or b"") == (record.value or b"") for parked in result.dead_letters)

    return take


def _shown(view: SystemView) -> Callable[[Record], None]:
    return lambda record: view.fold([record])


# What a service restores its own state from is written by that service alone.
OWN = {("memory", "global-memory"), ("meta", "meta-state"), ("meta", "ledger")}
CASES = [
    (service, topic)
    for service in READERS
    for topic in sorted(DECLARED.services[service].consumes)
    if (service, topic) not in OWN
]


@pytest.mark.parametrize(("service", "topic"), CASES)
@SOME
@given(data=st.data())
def test_a_reader_takes_a_record_or_refuses_it(
    service: str, topic: str, data: st.DataObject
) -> None:
    take = READERS[service]()
    for record in data.draw(st.lists(records(topic), max_size=4)):
        with contextlib.suppress(EventError):
            take(record)


@pytest.mark.parametrize("topic", ["clients", "global-memory", "domains"])
@SOME
@given(data=st.data())
def test_meta_goes_on_after_whatever_it_took(topic: str, data: st.DataObject) -> None:
    meta = coordinator()
    for record in data.draw(st.lists(records(topic), max_size=4)):
        with contextlib.suppress(EventError):
            meta.observe(record)
    meta.advance(10**13)
