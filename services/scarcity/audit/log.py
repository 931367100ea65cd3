"""What an audit works on: the records of the topics, read once, from whatever holds them.

Everything after this module is pure, so a live cluster, an exported bundle and the in-process log
are audited by the same code.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import (
    CHECKPOINTS,
    INSIGHTS_PREFIX,
    LEDGER,
    META_STATE,
    RULINGS,
    insights_topic,
    secagg_terms_topic,
)
from scarcity.events.types import Record
from scarcity.meta.state_codec import WRITER_KEY

Partition = tuple[str, int]  # an insights topic and a number


class RecordSource(Protocol):
    """Where records come from; every Broker is one."""

    async def read_all(self, topic: str) -> list[Record]:
        """Committed records still kept, by (partition, offset).

        Raises:
            BrokerError: the topic does not exist.
        """
        ...


@dataclass(frozen=True)
class Head:
    """The ledger's end as its writer noted it: number of entries, hash of the last."""

    length: int
    ledger_hash: str


@dataclass(frozen=True)
class AuditLog:
    """Records of one reading.

    Attributes:
        ledger: in the order of the log.
        insights: by topic; by (partition, offset) within.
        first_offsets: of each insights partition, the first record still kept when it was read.
        head: None when the writer noted none.
        checkpoints, rulings: in the order of the log; what was not kept is not missed.
        noise_keys: by domain, of those with central noise; without its key a version of such a
            domain cannot be made again.
        is_whole: all insights that the topics keep are here, not only those that versions used.
        terms: members' messages in secure sums, as ``insights``.
    """

    ledger: tuple[Record, ...]
    insights: Mapping[str, tuple[Record, ...]]
    first_offsets: Mapping[Partition, int] = field(default_factory=dict)
    head: Head | None = None
    is_whole: bool = True
    checkpoints: tuple[Record, ...] = ()
    rulings: tuple[Record, ...] = ()
    noise_keys: Mapping[str, bytes] = field(default_factory=dict)
    terms: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)


def ledger_domains(ledger: Iterable[Record]) -> list[str]:
    """Domains that the readable entries name, sorted."""
    return sorted({entry.domain for entry in _entries(ledger)})


def summing_domains(ledger: Iterable[Record]) -> list[str]:
    """Of these, those with secure sums."""
    return sorted({entry.domain for entry in _entries(ledger) if entry.sums is not None})


def _entries(ledger: Iterable[Record]) -> Iterator[LedgerEntry]:
    for record in ledger:
        try:
            yield decode_json(record.value, LedgerEntry)
        except EventError:
            continue  # the chain check reports it


def first_offsets(records: Iterable[Record]) -> dict[Partition, int]:
    """First offset of each partition that has a record."""
    first: dict[Partition, int] = {}
    for record in records:
        topic, partition, offset = record.position
        first[topic, partition] = min(offset, first.get((topic, partition), offset))
    return first


async def read_log(
    source: RecordSource, on_topic: Callable[[str], None] = lambda _: None
) -> AuditLog:
    """Read what an audit needs.

    The writer's note of the ledger's end is read first: what is appended meanwhile is then above it
    and cannot look as if it were missing.

    Args:
        on_topic: told of each topic before it is read.

    Raises:
        BrokerError: a topic does not exist.
    """
    on_topic(META_STATE)
    states = await source.read_all(META_STATE)
    head = _head(states)
    on_topic(LEDGER)
    ledger = tuple(await source.read_all(LEDGER))
    on_topic(RULINGS)
    rulings = tuple(await source.read_all(RULINGS))
    on_topic(CHECKPOINTS)
    checkpoints = tuple(await source.read_all(CHECKPOINTS))
    insights: dict[str, tuple[Record, ...]] = {}
    first: dict[Partition, int] = {}
    for domain in ledger_domains(ledger):
        topic = insights_topic(domain)
        on_topic(topic)
        insights[topic] = tuple(await source.read_all(topic))
        first |= first_offsets(insights[topic])
    terms: dict[str, tuple[Record, ...]] = {}
    for domain in summing_domains(ledger):
        topic = secagg_terms_topic(domain)
        on_topic(topic)
        terms[topic] = tuple(await source.read_all(topic))
        first |= first_offsets(terms[topic])
    return AuditLog(
        ledger,
        insights,
        first,
        head,
        checkpoints=checkpoints,
        rulings=rulings,
        noise_keys=_noise_keys(states),
        terms=terms,
    )


def domain_of(topic: str) -> str:
    """Domain of an insights topic.

    >>> domain_of("insights.retail")
    'retail'
    """
    return topic.removeprefix(INSIGHTS_PREFIX)


def _noise_keys(states: Iterable[Record]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for record in states:
        if record.value is not None and not (record.key or b"").startswith(WRITER_KEY.encode()):
            state = decode_msgpack(record.value, MetaState)
            keys |= {state.key: state.noise_key} if state.noise_key else {}
    return keys


def _head(states: Iterable[Record]) -> Head | None:
    head = None
    for record in states:
        if record.key != WRITER_KEY.encode():
            continue
        if record.value is None:
            head = None
        else:
            state = decode_msgpack(record.value, MetaState)
            head = Head(state.ledger_length, state.ledger_hash)
    return head
