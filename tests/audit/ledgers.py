"""A ledger made by the meta-learner itself, over the in-process log and synthetic insights."""

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import msgspec

from scarcity import __version__
from scarcity.audit.log import AuditLog, read_log
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import EventError
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.ruling import Ruling, RulingKind
from scarcity.events.topics import CHECKPOINTS, DOMAINS, LEDGER, insights_topic
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, SLOPE_SCALE, Outgoing, Record
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey, TrustedKeys
from scarcity.learning.online_maml import LearningSettings, OnlineMAMLEngine
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.rulings import ruling_record
from scarcity.simulation.log import MemoryLog

ROUND_MS = 1_000
START_MS = 1_700_000_000_000


WRITER, OPERATOR = SigningKey(bytes([1] * 32)), SigningKey(bytes([2] * 32))
ONE_PARTITION = (LEDGER, CHECKPOINTS)


class World:
    """Memory and meta over one log; each round every client of a domain reports once.

    It is a Broker too: a ruling that is published is heeded at once.
    """

    def __init__(
        self,
        *,
        settings: LearningSettings | None = None,
        partitions: int = 3,
        code_version: str = __version__,
        signing: SigningKey | None = None,
        checkpoint_versions: int = 0,
        quarantine: float = 0.0,
    ) -> None:
        self.now_ms = START_MS
        self.log = MemoryLog(partitions=partitions, now_ms=lambda: self.now_ms)
        self._memory = GlobalMemory()
        self._meta = MetaCoordinator(
            OnlineMAMLEngine(settings),
            lambda: 0.0,
            code_version,
            signing=signing,
            operators=TrustedKeys([OPERATOR.public]),
            checkpoint_versions=checkpoint_versions,
        )
        self._quarantine = quarantine
        self._random = random.Random(0)
        self._sequence = 0
        self.versions: dict[str, int] = {}

    def add_domain(self, domain: str, family: str = "shops", columns: int = 3) -> None:
        self.now_ms += 1
        features = tuple(Column(f"x{i}", 0.0, 1.0) for i in range(columns))
        policy = RoundPolicy(min_clients=1, quorum=1.0, quarantine=self._quarantine)
        profile = DomainProfile(
            domain, family, features, Column("y", 0.0, 1.0), privacy="open", policy=policy
        )
        self._meta.observe(
            self.log.append(Outgoing(DOMAINS, domain.encode(), encode_json(profile)))
        )
        self._advance()

    def round(self, domain: str, clients: int = 5, *, bad: str = "", absent: str = "") -> None:
        """One round; slopes of client ``bad`` are reversed and long, ``absent`` stays away."""
        self.now_ms += ROUND_MS
        for number in range(clients):
            client_id = f"client-{number}"
            insight = self.insight(domain, client_id, reverse=client_id == bad)
            if client_id != absent:
                self.report(insight)
        self._advance()

    def insight(self, domain: str, client_id: str, *, reverse: bool = False) -> Insight:
        self._sequence += 1
        version = self.versions[domain]
        experts: dict[str, ExpertInsight] = {}
        for name in EXPERT_NAMES:
            loss = 0.5 + 0.1 * self._random.random()
            mean = -1.5 if reverse else 0.3
            slopes = [
                round(SLOPE_SCALE * (mean + 0.1 * self._random.gauss(0, 1)))
                for _ in range(SLOPE_LENGTH)
            ]
            tried = {"default": loss, "family": loss * 0.9}
            tried |= {f"from-{family}": loss * 0.8 for family in ("shops", "wards")}
            experts[name] = ExpertInsight(
                loss, 8, loss * 1.02 if version else None, slopes, None if version else tried
            )
        return Insight(
            client_id, experts, 0.5, 80, domain, self._sequence, version, self.now_ms / 1000
        )

    def report(self, insight: Insight) -> Record:
        key = insight.client_id.encode()
        outgoing = Outgoing(insights_topic(insight.domain), key, encode_json(insight))
        return self.append_insight(outgoing)

    def append_insight(self, outgoing: Outgoing) -> Record:
        record = self.log.append(outgoing)
        for changed in self._memory.fold([record]).changed:
            self._meta.observe(self.log.append(changed))
        return record

    async def publish(self, *outgoing: Outgoing) -> None:
        self.now_ms += 1
        for one in outgoing:
            record = self.log.append(one)
            with suppress(EventError):
                self._meta.observe(record)
        self._advance()
        await self.log.publish()  # nothing more; it wakes the readers

    async def read_all(self, topic: str) -> list[Record]:
        return await self.log.read_all(topic)

    def stream(self, *topics: str, from_start: bool = True) -> AsyncIterator[list[Record]]:
        return self.log.stream(*topics, from_start=from_start)

    async def rule(
        self, kind: RulingKind, domain: str, *clients: str, key: SigningKey = OPERATOR
    ) -> None:
        ruling = sign_event(Ruling(kind, (domain,), clients, self.now_ms), key)
        await self.publish(ruling_record(ruling, at_ms=self.now_ms))

    def _advance(self) -> None:
        for publication in self._meta.advance(self.now_ms):
            for outgoing in publication.outgoing:
                in_one = outgoing.topic in ONE_PARTITION
                self.log.append(outgoing._replace(partition=0) if in_one else outgoing)
            if publication.entry is not None:
                self.versions[publication.domain] = publication.entry.version

    async def read(self) -> AuditLog:
        return await read_log(self.log)


def three_domains(
    rounds: int = 4, *, signing: SigningKey | None = None, checkpoint_versions: int = 0
) -> World:
    """Two domains of one family and, later, one of another: every kind of start."""
    world = World(signing=signing, checkpoint_versions=checkpoint_versions)
    world.add_domain("retail", "shops")
    for _ in range(rounds):
        world.round("retail")
    world.add_domain("bakery", "shops")
    world.add_domain("clinic", "wards", columns=5)
    for _ in range(rounds):
        for domain in ("retail", "bakery", "clinic"):
            world.round(domain)
    return world


def with_insight(log: AuditLog, topic: str, at: int, value: bytes | None) -> AuditLog:
    """The log with the value of one insight replaced; None takes the record out."""
    records = list(log.insights[topic])
    records[at : at + 1] = [] if value is None else [records[at]._replace(value=value)]
    return replace(log, insights={**log.insights, topic: tuple(records)})


def with_entry(log: AuditLog, at: int, **changes: object) -> AuditLog:
    """The log with fields of one ledger entry changed."""
    entry = decode_json(log.ledger[at].value, LedgerEntry)
    changed = msgspec.structs.replace(entry, **changes)
    ledger = list(log.ledger)
    ledger[at] = ledger[at]._replace(value=encode_json(changed))
    return replace(log, ledger=tuple(ledger))


def linked_anew(log: AuditLog) -> AuditLog:
    """The log with every entry's parent put right again, as someone who hides a change would."""
    parent, ledger = "", []
    for record in log.ledger:
        entry = decode_json(record.value, LedgerEntry)
        entry = msgspec.structs.replace(entry, parent=parent)
        parent = entry.hash()
        ledger.append(record._replace(value=encode_json(entry)))
    return replace(log, ledger=tuple(ledger), head=None)
