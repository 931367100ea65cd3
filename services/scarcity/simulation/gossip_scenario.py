"""What a simulation is told of gossip, and of a server that goes away."""

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from scarcity.learning.mixing import CLIP_RADIUS, GossipRules, PeerHysteresis
from scarcity.simulation.scenario_parts import Count, Delay, Seconds, Share, Strict

# Larger than any gain or loss: such a limit never acts.
_NEVER = -10.0


class WeightAttackers(Strict, frozen=True):
    """Colluding clients that send their peers other priors than their own.

    Attributes:
        attack: see simulation/attacks/gossip_poisoning.py.
        share: of each domain's clients.
        after_cycles: honest up to this cycle.
        strength: meaning depends on the attack; 1 is its natural form.
    """

    attack: Literal["sign-flip", "shift", "alie", "noise", "against-momentum"]
    share: Share = 0.2
    after_cycles: Annotated[int, Meta(ge=0)] = 0
    strength: Annotated[float, Meta(gt=0.0)] = 1.0


class Gossip(Strict, frozen=True):
    """Gossip in every domain; see scarcity/client/gossip_exchange.py.

    Attributes:
        every_s: virtual time between two cycles.
        group_size, max_peers: as the planner takes them.
        active_s: clients not heard of for longer are not planned.
        delay: from the plan until an offer arrives.
        wait_s: a client mixes what it has when it has waited so long for its peers.
        silent_after_s: without a new version for so long, clients learn on with their peers.
        radius: of the clip around the server's theta.
        exact: offers are float32 and not int8.
        hysteresis: `none`: everything is mixed in; `only-if-better`: whatever does not raise the
            own loss, and no peer is evicted.
        attackers: their insights are honest.
        judged_every: cycles between two looks at the priors, and one at the end.
        judged_peers: so many, drawn once among the honest, whose priors new clients start from.
        held_out: share of each client's rows that it does not learn from; its own prior is judged
            by them.
    """

    every_s: Annotated[float, Meta(gt=0.0)] = 15.0
    group_size: Annotated[int, Meta(ge=2)] = 8
    max_peers: Count = 5
    active_s: Annotated[float, Meta(gt=0.0)] = 60.0
    delay: Delay = Delay("constant", 0.2)
    wait_s: Annotated[float, Meta(gt=0.0)] = 5.0
    silent_after_s: Seconds = 300.0
    radius: Annotated[float, Meta(gt=0.0)] = CLIP_RADIUS
    exact: bool = False
    hysteresis: Literal["default", "none", "only-if-better"] = "default"
    attackers: tuple[WeightAttackers, ...] = ()
    judged_every: Count = 25
    judged_peers: Count = 8
    held_out: Share = 0.0

    def __post_init__(self) -> None:
        if sum(a.share for a in self.attackers) > 1:
            raise ValueError("attackers: their shares add up to more than 1")
        if self.wait_s > self.every_s:
            raise ValueError("wait_s: longer than every_s, so cycles would overtake each other")

    @property
    def rules(self) -> GossipRules:
        """As clients take them."""
        hysteresis = PeerHysteresis()
        if self.hysteresis == "none":
            hysteresis = replace(hysteresis, evict_below=_NEVER, veto_below=_NEVER)
        elif self.hysteresis == "only-if-better":
            hysteresis = replace(hysteresis, evict_below=_NEVER, veto_below=0.0)
        return GossipRules(radius=self.radius, exact=self.exact, hysteresis=hysteresis)


class Outage(Strict, frozen=True):
    """Memory and meta-learner stop for a while; the broker and the gossip planner go on.

    Attributes:
        from_s, to_s: virtual time; what arrives in between is folded at the end of it.
    """

    from_s: Seconds = 0.0
    to_s: Seconds = 1e9
