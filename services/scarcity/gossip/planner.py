"""Draws the groups in which clients of a domain trade priors; a pure function of its arguments.

Clients with similar loss profiles have similar data, so their priors help each other most. But
groups that never change keep what they learned to themselves: so each cycle sorts the profiles
along another random direction and cuts the line into groups.
"""

import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite

from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.types import EXPERT_NAMES

Profile = Sequence[float]

NO_INSIGHT = "no insight of this client was heard lately"


@dataclass(frozen=True)
class P2PGossipManager:
    """Plans gossip cycles.

    Attributes:
        group_size: members of a group, at most; a client reads its group and not the domain.
        max_peers: peers of one client in a cycle, at most.

    >>> manager = P2PGossipManager()
    >>> [p.peers for p in manager.plan("retail", 1, {"a": [1.0], "b": [2.0]})]
    [['b'], ['a']]
    >>> manager.plan("health", 1, {"c": [1.0]})[0].reason
    'health has 1 active client; gossip needs two'
    """

    group_size: int = 8
    max_peers: int = 5

    def __post_init__(self) -> None:
        if self.group_size < 2 or self.max_peers < 1:
            raise ValueError("group_size must be at least 2 and max_peers at least 1")

    def plan(
        self, domain: str, cycle: int, members: Mapping[str, Profile | None]
    ) -> list[GossipPlan]:
        """Plan one cycle of a domain; the same arguments give the same plan, in any order.

        Args:
            members: loss of each expert by client; None: the client is silent and waits.

        Returns:
            One plan a client, by client id. Peers are mutual, so that an exchange keeps the mean.
        """
        profiles = {c: _normalised(p) for c, p in members.items() if p is not None}
        waiting = {c: NO_INSIGHT for c, p in members.items() if p is None}
        if len(profiles) < 2:
            count = f"{len(profiles)} active client{'' if len(profiles) == 1 else 's'}"
            waiting |= dict.fromkeys(profiles, f"{domain} has {count}; gossip needs two")
            profiles = {}
        plans = [GossipPlan(c, domain, cycle, reason=reason) for c, reason in waiting.items()]
        for number, group in enumerate(self._groups(domain, cycle, profiles)):
            plans += [
                GossipPlan(c, domain, cycle, "exchange", number, self._peers(group, place))
                for place, c in enumerate(group)
            ]
        return sorted(plans, key=lambda p: p.client_id)

    def _groups(self, domain: str, cycle: int, profiles: Mapping[str, Profile]) -> list[list[str]]:
        """Cut the clients, sorted along a random direction, into groups of nearly equal size."""
        if not profiles:
            return []
        seed = hashlib.sha256(f"gossip/{domain}/{cycle}".encode()).digest()
        draw = random.Random(seed)
        direction = [draw.random() - 0.5 for _ in range(max(map(len, profiles.values())))]

        def place(client: str) -> tuple[float, bytes]:
            along = sum(d * v for d, v in zip(direction, profiles[client], strict=False))
            return along, hashlib.sha256(seed + client.encode()).digest()

        line = sorted(profiles, key=place)
        count = ceil(len(line) / self.group_size)
        cuts = [i * len(line) // count for i in range(count + 1)]
        return [line[a:b] for a, b in itertools.pairwise(cuts)]

    def _peers(self, group: Sequence[str], place: int) -> list[str]:
        """Neighbours on a ring, nearest first, and the opposite one where a place is left."""
        n = len(group)
        if n - 1 <= self.max_peers:
            return [c for i, c in enumerate(group) if i != place]
        reach = self.max_peers // 2
        steps = [s for k in range(1, reach + 1) for s in (k, -k)]
        # An odd number of peers a client is only mutual when the opposite place exists.
        if self.max_peers % 2 and n % 2 == 0:
            steps.append(n // 2)
        return [group[(place + s) % n] for s in steps]


def loss_profile(losses: Mapping[str, float]) -> list[float]:
    """A client's profile: the loss of each expert, in the order of the experts' names.

    An expert not heard of counts as the client's mean, which tells nothing apart.
    """
    known = [v for v in losses.values() if isfinite(v)]
    mean = sum(known) / len(known) if known else 1.0
    return [losses.get(name, mean) for name in EXPERT_NAMES]


def _normalised(profile: Profile) -> list[float]:
    # The level of the losses says how noisy a client's target is, not which expert suits it.
    usable = [v if isfinite(v) else 0.0 for v in profile]
    mean = sum(usable) / len(usable) if usable else 0.0
    return [v / mean for v in usable] if mean > 0 else [1.0] * len(usable)
