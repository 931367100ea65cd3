"""The system as its topics tell it: a pure fold of records, so that it starts again from them.

Takes no clock: rates and activity are asked for with the time as an argument.
"""

import re
from collections.abc import Callable, Iterable

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.topics import (
    CLIENTS,
    DEAD_LETTERS,
    DOMAINS,
    EVALUATIONS,
    GLOBAL_MEMORY,
    GOSSIP_PLAN,
    GOSSIP_PREFIX,
    INSIGHTS_PREFIX,
    LEDGER,
    META_PARAMETERS,
    is_domain,
)
from scarcity.events.types import Record
from scarcity.monitor.domain_view import (
    DomainView,
    GossipLine,
    MemoryLine,
    ParametersLine,
    ProfileLine,
    RoundLine,
)

# meta-state and checkpoints are left out: they are the optimiser's own, large, and nothing of them
# is shown; of rulings the ledger tells what they came to.
FIXED_TOPICS = (
    DOMAINS,
    CLIENTS,
    GLOBAL_MEMORY,
    META_PARAMETERS,
    LEDGER,
    GOSSIP_PLAN,
    EVALUATIONS,
    DEAD_LETTERS,
)
MAX_DOMAINS = 256  # also bounds the label `domain` of the metrics
UNKNOWN_REASON = "unknown"
# A quote inside a JSON string is escaped, so that no name can look like this key.
_SLOPES = re.compile(rb'"slopes"\s*:\s*\[')
_REASONS = frozenset(reason.value for reason in Reason)


class SystemView:
    """Folds the records of all topics, in any order between topics.

    Attributes:
        domains: by name, at most MAX_DOMAINS.
        memory_limit: bound of the global memory, insights a domain; 0 when it is not known.
        dead_letters: parked records by reason, a closed set.
        unreadable: records of any topic that did not decode, and were left out.
        records: records folded.
        newest_ms: newest record timestamp.
    """

    def __init__(self, memory_limit: int = 0) -> None:
        self.domains: dict[str, DomainView] = {}
        self.memory_limit = memory_limit
        self.dead_letters: dict[str, int] = {}
        self.unreadable = 0
        self.records = 0
        self.newest_ms = 0
        self._folds: dict[str, Callable[[Record], None]] = {
            DOMAINS: self._profile,
            CLIENTS: self._registered,
            GLOBAL_MEMORY: self._memory,
            META_PARAMETERS: self._parameters,
            LEDGER: self._round,
            GOSSIP_PLAN: self._plan,
            EVALUATIONS: self._evaluation,
            DEAD_LETTERS: self._dead_letter,
        }

    def fold(self, records: Iterable[Record]) -> None:
        """Take in records; one that does not decode is counted and left out."""
        for record in records:
            self.records += 1
            self.newest_ms = max(self.newest_ms, record.timestamp_ms)
            try:
                self._fold_for(record.position.topic)(record)
            except EventError:
                self.unreadable += 1

    @property
    def memory_clients(self) -> int:
        """Clients in the global memory."""
        return sum(domain.clients_heard for domain in self.domains.values())

    @property
    def privacy_modes(self) -> list[str]:
        """Privacy modes in use, sorted."""
        return sorted({d.privacy for d in self.domains.values() if d.profile is not None})

    def _fold_for(self, topic: str) -> Callable[[Record], None]:
        if topic.startswith(INSIGHTS_PREFIX):
            return self._insight
        if topic.startswith(GOSSIP_PREFIX):
            return self._gossip
        return self._folds.get(topic, _ignore)

    def _domain(self, name: str) -> DomainView:
        domain = self.domains.get(name)
        if domain is None:
            if not is_domain(name) or len(self.domains) >= MAX_DOMAINS:
                raise EventError(
                    Reason.OUT_OF_BOUNDS,
                    f"{name[:64]!r} is no domain, or one above {MAX_DOMAINS} domains",
                )
            domain = self.domains[name] = DomainView(name)
        return domain

    def _insight(self, record: Record) -> None:
        name = record.position.topic.removeprefix(INSIGHTS_PREFIX)
        # One look instead of a decode: every insight of the system passes through here once more.
        has_slopes = _SLOPES.search(record.value or b"") is not None
        self._domain(name).insight(record.timestamp_ms, has_slopes=has_slopes)

    def _profile(self, record: Record) -> None:
        if record.value is None:
            self.domains.pop((record.key or b"").decode(errors="replace"), None)
            return
        profile = decode_json(record.value, ProfileLine)
        self._domain(profile.domain).profile = profile

    def _registered(self, record: Record) -> None:
        if record.value is not None:
            registered = decode_json(record.value, ClientRegistered)
            domain = self._domain(registered.domain)
            domain.register(registered.client_id, registered.limit_reached)

    def _memory(self, record: Record) -> None:
        if record.value is None:
            name, _, client_id = (record.key or b"").decode(errors="replace").partition("/")
            if name in self.domains:
                self.domains[name].forget(client_id)
            return
        line = decode_json(record.value, MemoryLine)
        self._domain(line.domain).remember(line)

    def _parameters(self, record: Record) -> None:
        if record.value is not None:
            line = decode_msgpack(record.value, ParametersLine)
            self._domain(line.domain).parameters(line, record.timestamp_ms)

    def _round(self, record: Record) -> None:
        line = decode_json(record.value, RoundLine)
        self._domain(line.domain).round(line, record.timestamp_ms)

    def _plan(self, record: Record) -> None:
        if record.value is not None:
            plan = decode_json(record.value, GossipPlan)
            self._domain(plan.domain).plan(plan)

    def _gossip(self, record: Record) -> None:
        if record.value is not None:
            line = decode_msgpack(record.value, GossipLine)
            self._domain(line.domain).gossip(line)

    def _evaluation(self, record: Record) -> None:
        evaluation = decode_json(record.value, Evaluation)
        self._domain(evaluation.domain).evaluations.add(evaluation.version, evaluation)

    def _dead_letter(self, record: Record) -> None:
        told = dict(record.headers).get("dl_reason", b"").decode(errors="replace")
        reason = told if told in _REASONS else UNKNOWN_REASON
        self.dead_letters[reason] = self.dead_letters.get(reason, 0) + 1


def _ignore(record: Record) -> None:
    """A topic that is not shown."""
