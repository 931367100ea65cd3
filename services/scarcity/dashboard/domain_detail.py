"""What the page of a domain shows beyond the monitor's view of it, in bounded memory."""

from collections import deque
from statistics import median
from typing import Final

from scarcity.dashboard.experts import learning_rates, losses, routing
from scarcity.dashboard.lines import ProfileDetail, TensorsLine, TriedLine
from scarcity.dashboard.timeline import Timeline
from scarcity.monitor.series import Thinned

MOST_TRIED: Final = 64  # starts of a domain
MOST_TOLD: Final = 512  # clients' losses of a start
MOST_MARKS: Final = 128  # on the curve of losses
BROADCAST_MS: Final = 300
GOSSIP_MS: Final = 1_500

ExpertFigures = tuple[list[float | None], list[float | None], list[float | None]]


class DomainDetail:
    """A domain's experts, starts, gossip over time, and what happened last.

    Attributes:
        experts: over versions: losses that clients route by, routing weights, learning rates.
        start_losses, now_losses: by expert: under the default start, and under the newest version.
        tried: by start, mean losses of clients that tried it.
        reverted, repairs: the newest versions that took a step back, or are repairs.
        gossip: exchanges, evictions and readmissions over time.
        memory: clients that the memory took in and let go, over time.
        insight_ms, parameters_ms, gossip_ms: when the newest of each was written.
        pending: insights that the memory accepted since the newest version.
    """

    def __init__(self) -> None:
        self.profile: ProfileDetail | None = None
        self.experts: Thinned[ExpertFigures] = Thinned(256)
        self.start_losses: list[float | None] = []
        self.now_losses: list[float | None] = []
        self.tried: dict[str, deque[float]] = {}
        self.reverted: deque[int] = deque(maxlen=MOST_MARKS)
        self.repairs: deque[int] = deque(maxlen=MOST_MARKS)
        self.gossip = Timeline(3)
        self.memory = Timeline(2)
        self.insight_ms = self.parameters_ms = self.gossip_ms = 0
        self.pending = 0

    def parameters(self, line: TensorsLine, at_ms: int) -> None:
        """New meta-parameters came."""
        told = losses(line.domain_losses)
        self.experts.add(line.version, (told, routing(told), learning_rates(line.alpha)))
        self.now_losses = told
        self.start_losses = losses(line.start_losses)
        self.parameters_ms = max(self.parameters_ms, at_ms)
        self.pending = 0

    def try_starts(self, line: TriedLine) -> None:
        """A client told its losses under the starts that the domain tries."""
        found: dict[str, list[float]] = {}
        for expert in line.expert_insights.values():
            for name, loss in (expert.candidate_losses or {}).items():
                found.setdefault(name, []).append(loss)
        for name, told in found.items():
            if name in self.tried or len(self.tried) < MOST_TRIED:
                kept = self.tried.setdefault(name, deque(maxlen=MOST_TOLD))
                kept.append(sum(told) / len(told))

    def starts(self) -> dict[str, tuple[float, int]]:
        """By start: median loss, and of how many clients."""
        return {name: (median(told), len(told)) for name, told in sorted(self.tried.items())}

    def phase(self, active: int, now_ms: int) -> str:
        """What the domain does now, as its newest records tell it.

        A round goes through gossip, training, collection, processing and broadcast; `waiting`: too
        few clients, or no version yet; `idle`: nothing was heard for a while.
        """
        policy = self.profile.policy if self.profile else None
        if not self.parameters_ms or policy is None:
            return "waiting"
        if now_ms - self.parameters_ms < BROADCAST_MS:
            return "broadcast"
        if active < policy.min_clients:
            newest = max(self.parameters_ms, self.insight_ms, self.gossip_ms)
            return "idle" if now_ms - newest > policy.active_s * 1000 else "waiting"
        if policy.mode == "async":
            needed = policy.buffer
        else:
            needed = max(policy.min_clients, round(policy.quorum * active))
        if self.pending >= needed:
            return "processing"
        newest_other = max(self.parameters_ms, self.insight_ms)
        if self.gossip_ms > newest_other and now_ms - self.gossip_ms < GOSSIP_MS:
            return "gossip"
        return "collection" if self.pending else "training"
