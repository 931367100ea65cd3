"""What the topics say of one domain, in bounded memory."""

from collections import OrderedDict
from typing import Annotated

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.dp_rules import DpRules
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import Refusal
from scarcity.monitor.series import Latencies, Rate, RunningTotal, Thinned

MAX_CLIENTS = 100_000
MAX_PLANS = 512
DEFAULT_ACTIVE_S = 60.0


# What a client counts of itself: bounded, so that sums of many are numbers that can be sent.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


# The monitor decodes only the fields it shows: a reader that skips the slopes and tensors of an
# event takes a fraction of the time, and every event passes through here once more.
class PolicyLine(msgspec.Struct):
    """The part of a round policy that the view uses."""

    mode: str = "sync"
    min_clients: int = 2
    active_s: float = DEFAULT_ACTIVE_S


class ProfileLine(msgspec.Struct):
    """The part of a DomainProfile that the view uses."""

    domain: str
    family: str = ""
    privacy: str = "budget"
    policy: PolicyLine = msgspec.field(default_factory=PolicyLine)
    schema_version: str = SCHEMA_VERSION


class MemoryLine(msgspec.Struct):
    """The part of a ClientMemory that the view uses."""

    domain: str
    client_id: str
    accepted: int
    rejected: int
    duplicates: int
    last_seen_ms: int
    schema_version: str = SCHEMA_VERSION


class ParametersLine(msgspec.Struct):
    """The part of a MetaParameters that the view uses."""

    domain: str
    version: int
    newest_source_ms: int = 0
    schema_version: str = SCHEMA_VERSION


class DpLine(msgspec.Struct):
    """The part of a DpRound that the view uses."""

    epsilon: float
    delta: float
    rules: DpRules


class MarkLine(msgspec.Struct):
    """The part of a Mark, or of a Lift, that the view uses."""

    client_id: str
    by: str = ""


class RoundLine(msgspec.Struct):
    """The part of a LedgerEntry that the view uses."""

    domain: str
    version: int
    clients: int
    active_clients: int
    mean_staleness_versions: float
    closed_by: str
    reverted: bool
    mean_loss: float | None
    expert_losses: list[float | None]
    step_scale: float
    phases_s: dict[str, float]
    start: str = ""
    dp: DpLine | None = None
    marks: list[MarkLine] = []
    lifted: list[MarkLine] = []
    schema_version: str = SCHEMA_VERSION


class GossipLine(msgspec.Struct):
    """The part of a GossipWeights that the view uses."""

    client_id: str
    domain: str
    exchanges: Count = 0
    evictions: Count = 0
    readmissions: Count = 0
    refused: dict[str, int] = {}
    schema_version: str = SCHEMA_VERSION


class DomainView:
    """One domain as its topics tell it.

    Attributes:
        version: newest version of the meta-parameters seen, -1 before any; also the round.
        insights: records seen in its insights topic, good or bad; ``without_slopes``: those that
            hold losses alone, as of clients whose budget is spent.
        limited: clients that publish no more `slopes`, or nothing (`all`), by name, as they
            registered it: their privacy limit is reached; at most MAX_CLIENTS.
        dp: the highest epsilon that a ledger entry told; None outside privacy mode `dp`.
        latencies: from the newest insight of a version to that version's record.
        marked: clients that count no more, by name, and by whose word: `check`, `operator` or
            `repair`; at most MAX_CLIENTS.
        repairs: versions that are repairs.
        rounds: ledger entries over versions; ``evaluations`` likewise.
        round_at_ms: when the newest ledger entry was written; 0 before any.
        start_loss: mean loss of the first ledger entry that had one.
        forgotten: clients that the global memory let go.
        plans: the newest gossip plan of at most MAX_PLANS clients.
        refused: peers' messages that clients refused, by reason.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.profile: ProfileLine | None = None
        self.version = -1
        self.insights = 0
        self.without_slopes = 0
        self.limited: OrderedDict[str, str] = OrderedDict()
        self.dp: DpLine | None = None
        self.insight_rate = Rate()
        self.accepted = RunningTotal(MAX_CLIENTS)
        self.duplicates = RunningTotal(MAX_CLIENTS)
        self.registered = RunningTotal(MAX_CLIENTS)
        self.latencies = Latencies()
        self.latency_series: Thinned[float] = Thinned()
        self.rounds: Thinned[RoundLine] = Thinned()
        self.round_at_ms = 0
        self.start_loss: float | None = None
        self.forgotten = 0
        self.reverted_rounds = 0
        self.marked: OrderedDict[str, str] = OrderedDict()
        self.repairs = 0
        self.evaluations: Thinned[Evaluation] = Thinned()
        self.exchanges = RunningTotal(MAX_CLIENTS)
        self.evictions = RunningTotal(MAX_CLIENTS)
        self.readmissions = RunningTotal(MAX_CLIENTS)
        self.refused = {reason: RunningTotal(MAX_CLIENTS) for reason in Refusal}
        self.gossip_cycle = 0
        self.plans: OrderedDict[str, GossipPlan] = OrderedDict()
        self._last_seen_ms: OrderedDict[str, int] = OrderedDict()

    def register(self, client_id: str, limit_reached: str = "") -> None:
        """A client joined; again, when it restarted or told of its privacy limit."""
        self.registered.update(client_id, 1)
        self.limited.pop(client_id, None)
        if limit_reached:
            self.limited[client_id] = limit_reached
        if len(self.limited) > MAX_CLIENTS:
            self.limited.popitem(last=False)

    def insight(self, at_ms: int, *, has_slopes: bool = True) -> None:
        """An insight was published."""
        self.insights += 1
        self.without_slopes += not has_slopes
        self.insight_rate.add(at_ms)

    def remember(self, line: MemoryLine) -> None:
        """The global memory has a new record of a client."""
        self.accepted.update(line.client_id, line.accepted)
        self.duplicates.update(line.client_id, line.duplicates)
        self._last_seen_ms[line.client_id] = line.last_seen_ms
        self._last_seen_ms.move_to_end(line.client_id)
        if len(self._last_seen_ms) > MAX_CLIENTS:
            self._last_seen_ms.popitem(last=False)

    def forget(self, client_id: str) -> None:
        """The global memory let a client go."""
        self.forgotten += self._last_seen_ms.pop(client_id, None) is not None

    def parameters(self, line: ParametersLine, at_ms: int) -> None:
        """New meta-parameters were published at ``at_ms``."""
        self.version = max(self.version, line.version)
        if line.newest_source_ms > 0:
            seconds = (at_ms - line.newest_source_ms) / 1000
            self.latencies.observe(seconds)
            self.latency_series.add(line.version, max(0.0, seconds))

    def round(self, line: RoundLine, at_ms: int) -> None:
        """A ledger entry was written at ``at_ms``."""
        self.version = max(self.version, line.version)
        self.round_at_ms = max(self.round_at_ms, at_ms)
        if self.start_loss is None:
            self.start_loss = line.mean_loss
        self.rounds.add(line.version, line)
        if line.dp is not None and (self.dp is None or line.dp.epsilon >= self.dp.epsilon):
            self.dp = line.dp
        self.reverted_rounds += line.reverted
        self.repairs += line.closed_by == "repair"
        for lift in line.lifted:
            self.marked.pop(lift.client_id, None)
        for mark in line.marks:
            self.marked[mark.client_id] = mark.by
            if len(self.marked) > MAX_CLIENTS:
                self.marked.popitem(last=False)

    def plan(self, plan: GossipPlan) -> None:
        """A client's gossip plan."""
        self.gossip_cycle = max(self.gossip_cycle, plan.cycle)
        self.plans[plan.client_id] = plan
        self.plans.move_to_end(plan.client_id)
        if len(self.plans) > MAX_PLANS:
            self.plans.popitem(last=False)

    def gossip(self, line: GossipLine) -> None:
        """A client traded its prior."""
        self.exchanges.update(line.client_id, line.exchanges)
        self.evictions.update(line.client_id, line.evictions)
        self.readmissions.update(line.client_id, line.readmissions)
        for reason, total in self.refused.items():
            if reason in line.refused:
                total.update(line.client_id, line.refused[reason])

    @property
    def clients_heard(self) -> int:
        """Clients that the global memory holds."""
        return len(self._last_seen_ms)

    def clients_active(self, now_ms: int) -> int:
        """Clients whose last insight is at most the policy's ``active_s`` old."""
        active_s = self.profile.policy.active_s if self.profile else DEFAULT_ACTIVE_S
        oldest = now_ms - active_s * 1000
        return sum(seen >= oldest for seen in self._last_seen_ms.values())

    @property
    def privacy(self) -> str:
        """Privacy mode of the domain's profile; `?` before it was seen."""
        return self.profile.privacy if self.profile else "?"

    def clients_limited(self, what: str) -> int:
        """Clients that publish no more `slopes`, or nothing: `all`."""
        return sum(told == what for told in self.limited.values())

    def clients_marked(self, by: str) -> int:
        """Clients that count no more by the word of `check`, `operator` or `repair`."""
        return sum(told == by for told in self.marked.values())

    @property
    def waiting(self) -> str:
        """Why a client of the domain waits for peers; empty when none does."""
        for plan in self.plans.values():
            if plan.status == "waiting":
                return plan.reason or "waiting for peers"
        return ""


def best_local(evaluation: Evaluation) -> float:
    """Error of the better of the two models that new clients make from their own rows alone."""
    return min(evaluation.own_ridge, evaluation.own_mean)


def is_below_best_local(evaluation: Evaluation) -> bool:
    """Whether new clients gain from the meta-parameters over their own best local model."""
    return evaluation.routed < best_local(evaluation)
