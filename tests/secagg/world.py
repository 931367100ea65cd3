"""A domain in mode `secagg` over the in-process log: meta's and the clients' own cores."""

from collections.abc import Collection, Mapping

import numpy as np
from tests.memory.signing import NOW_MS, OPERATOR, identity
from tests.secagg.playing import drawing

from scarcity.client.core import ClientGroup
from scarcity.client.outgoing import profile_record
from scarcity.client.signing import Signing
from scarcity.client.summing import Summing
from scarcity.client.table import Rows
from scarcity.client.versions import Version, Versions
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.meta_state import MetaState
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_term import SecureTerm
from scarcity.events.topics import (
    LEDGER,
    META_PARAMETERS,
    SECAGG_ROUNDS,
    secagg_keys_topic,
    secagg_terms_topic,
)
from scarcity.events.types import Outgoing, Record
from scarcity.keys.record_signing import RecordVerifier
from scarcity.keys.registration_guard import guard_of
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.coordinator import FOLLOWED, MetaCoordinator
from scarcity.meta.secure_rounds import members_domain
from scarcity.simulation.log import MemoryLog

DOMAIN = "waves"
DEADLINE_S = 5.0
POLICY = RoundPolicy(min_clients=3, quorum=1.0, deadline_s=DEADLINE_S)


def profile(privacy: str = "secagg", **changes: object) -> DomainProfile:
    """One standardised column; four support rows."""
    fields = {
        "domain": DOMAIN,
        "family": "sines",
        "features": (Column("x", 0.0, 2.0),),
        "target": Column("y", 0.0, 1.0),
        "support_rows": 4,
        "privacy": privacy,
        "policy": POLICY,
    }
    return DomainProfile(**{**fields, **changes})  # type: ignore[arg-type]


def waves(count: int, rows: int = 12) -> dict[str, Rows]:
    """Sinusoids of one frequency; each client has its own amplitude."""
    found = {}
    for number in range(count):
        draw = np.random.default_rng(number)
        x = draw.uniform(-4, 4, (rows, 1))
        found[f"c{number:02d}"] = Rows(x, draw.uniform(0.8, 1.6) * np.sin(1.5 * x[:, 0] + 0.5))
    return found


class Client:
    """A process with one client, or with several."""

    def __init__(
        self,
        name: str,
        rows: Mapping[str, Rows],
        declared: DomainProfile,
        start: int = 0,
        verifier: RecordVerifier | None = None,
    ) -> None:
        self.name = name
        self._declared, self._rows = declared, rows
        self.group = ClientGroup(declared, rows)
        self.summing = Summing(self.group, drawing(name, start), verifier)
        self.versions = Versions()

    def started_anew(self) -> "Client":
        """The same client after its process died: it has forgotten all secrets."""
        return Client(self.name, self._rows, self._declared, start=1)


class World:
    """Everything but the broker; ``silent`` processes are dead.

    Args:
        together: all clients in one process; otherwise each in its own.
        signed: clients have identities, and messages count when signed alone.
    """

    def __init__(
        self,
        clients: Mapping[str, Rows],
        declared: DomainProfile | None = None,
        *,
        together: bool = False,
        signed: bool = False,
    ) -> None:
        self.now_ms = NOW_MS
        self.operators = [OPERATOR.public] if signed else []
        names = clients if signed else ()
        self.signing = Signing({name: identity(name, domain=DOMAIN) for name in names})
        self.log = MemoryLog(now_ms=lambda: self.now_ms)
        self.declared = declared or profile()
        self.meta = self.new_meta()
        shared = {"all": clients} if together else {n: {n: rows} for n, rows in clients.items()}
        verifier = RecordVerifier(self.operators) if signed else None
        self.clients = {
            n: Client(n, rows, self.declared, verifier=verifier) for n, rows in shared.items()
        }
        self.silent: set[str] = set()
        self.append(profile_record(self.declared, now_ms=self.now_ms))
        for client in self.clients.values():
            client.group.join(self.now_ms, {})

    def new_meta(self) -> MetaCoordinator:
        """A coordinator that knows nothing yet."""
        guard = guard_of(self.operators)
        return MetaCoordinator(OnlineMAMLEngine(), lambda: 0.0, "test", registrations=guard)

    def append(self, outgoing: Outgoing) -> Record:
        """Append a record; whoever follows its topic hears of it."""
        topic = outgoing.topic
        record = self.log.append(outgoing._replace(partition=0) if topic == LEDGER else outgoing)
        if topic in FOLLOWED or members_domain(topic):
            self.meta.observe(record)
        for client in self.clients.values() if hasattr(self, "clients") else ():
            self.deliver(client, record)
        return record

    def deliver(self, client: Client, record: Record) -> None:
        """Let a client read a record, unless it is dead."""
        topic = record.position.topic
        if client.name in self.silent:
            return
        if topic == META_PARAMETERS and record.value is not None:
            client.versions.see(Version.of(decode_msgpack(record.value, MetaParameters)))
        elif topic in (SECAGG_ROUNDS, secagg_keys_topic(DOMAIN)):
            client.summing.take(record)

    def step(self) -> bool:
        """Meta looks once, then each client answers once; whether anything was written."""
        return self.look() + self.answer() > 0

    def look(self) -> int:
        """Meta looks; returns how many records it wrote."""
        outgoing = [o for p in self.meta.advance(self.now_ms) for o in p.outgoing]
        for one in outgoing:
            self.append(one)
        return len(outgoing)

    def answer(self) -> int:
        """Let every living client answer; returns how many records they wrote."""
        living = [c for name, c in self.clients.items() if name not in self.silent]
        answers = [a for c in living for a in c.summing.answers(c.group.client_ids, c.versions)]
        for answer in answers:
            self.append(self.signing.member(answer, self.now_ms))
        return len(answers)

    def until_version(self, number: int) -> None:
        """Step, letting deadlines pass where nothing else moves."""
        while self.version < number:
            if not self.step():
                self.pass_deadline()

    def until_stage(self, stage: str) -> None:
        """Step until a stage has been announced; members have not answered it yet."""
        while True:
            wrote = self.look()
            if [n.stage for n in self.notices()][-1:] == [stage]:
                return
            if not wrote + self.answer():
                self.pass_deadline()

    def pass_deadline(self) -> None:
        """Let a stage's time pass."""
        self.now_ms += int(1000 * DEADLINE_S)
        assert self.now_ms < 1_700_010_000_000, "nothing moves"

    def kill(self, *names: str) -> None:
        """These clients are dead from now on."""
        self.silent.update(names)

    def revive(self, names: Collection[str]) -> None:
        """Start dead clients anew; they read announcements and versions from the beginning."""
        self.silent.difference_update(names)
        for name in names:
            client = self.clients[name] = self.clients[name].started_anew()
            for topic in (SECAGG_ROUNDS, META_PARAMETERS):
                for record in self.records(topic):
                    self.deliver(client, record)

    def restart_meta(self) -> None:
        """A writer that takes over on an empty disk: members' messages so far are lost to it."""
        states = {r.key: r for r in self.records("meta-state")}
        self.meta = self.new_meta()
        self.meta.restore(decode_msgpack(r.value, MetaState) for r in states.values())
        for topic in FOLLOWED:
            for record in self.records(topic):
                self.meta.observe(record)

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, in the order of their arrival."""
        return sorted(
            (r for log in self.log._logs[topic] for r in log), key=lambda r: r.timestamp_ms
        )

    @property
    def version(self) -> int:
        """Newest of the domain; -1 before any."""
        return max((e.version for e in self.entries()), default=-1)

    def entries(self) -> list[LedgerEntry]:
        """The ledger."""
        return [decode_json(r.value, LedgerEntry) for r in self.log._logs[LEDGER][0]]

    def notices(self) -> list[SecureRound]:
        """What meta announced, in order."""
        records = [r for log in self.log._logs[SECAGG_ROUNDS] for r in log]
        return [decode_msgpack(r.value, SecureRound) for r in records]

    def terms(self) -> list[SecureTerm]:
        """What members told the server."""
        return [
            decode_msgpack(r.value, SecureTerm) for r in self.records(secagg_terms_topic(DOMAIN))
        ]
