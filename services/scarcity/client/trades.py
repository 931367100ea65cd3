"""Which gossip cycles of this process's clients are new, open or ripe. Pure: time comes in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights


@dataclass
class Trades:
    """The state of each own client's current cycle.

    Attributes:
        wait_s: how long a client waits for the priors of its peers.
        done: last cycle of each client that was taken up.
        open: plans whose client has offered its prior, with the time until which it waits.
    """

    wait_s: float
    done: dict[str, int] = field(default_factory=dict)
    open: dict[str, tuple[GossipPlan, float]] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)

    def take_up(self, plans: Iterable[GossipPlan]) -> tuple[list[GossipPlan], list[GossipPlan]]:
        """Take up plans of cycles not seen yet.

        Returns:
            Plans to exchange by, and plans of clients that have a new reason to wait.
        """
        new = [p for p in plans if self.done.get(p.client_id) != p.cycle]
        self.done |= {p.client_id: p.cycle for p in new}
        waiting = [p for p in new if p.status == "waiting"]
        told = [p for p in waiting if self._reasons.get(p.client_id) != p.reason]
        exchange = [p for p in new if p.status == "exchange"]
        self._reasons |= {p.client_id: p.reason for p in waiting}
        self._reasons |= {p.client_id: "" for p in exchange}
        return exchange, told

    def offered(self, plans: Iterable[GossipPlan], now_s: float) -> None:
        """Wait for the peers of plans whose clients have offered their priors."""
        self.open |= {p.client_id: (p, now_s + self.wait_s) for p in plans}

    def ripe(self, heard: Mapping[str, GossipWeights], now_s: float) -> list[GossipPlan]:
        """Close and return plans whose peers have all offered, or which waited long enough."""
        ripe = [p for p, until in self.open.values() if until <= now_s or _complete(p, heard)]
        for plan in ripe:
            del self.open[plan.client_id]
        return ripe

    @property
    def next_s(self) -> float | None:
        """When the next plan ripens by itself; None: no plan is open."""
        return min((until for _, until in self.open.values()), default=None)


def _complete(plan: GossipPlan, heard: Mapping[str, GossipWeights]) -> bool:
    offers = (heard.get(peer) for peer in plan.peers)
    return all(w is not None and w.cycle >= plan.cycle for w in offers)
