"""How fast the clients of a process go."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from scarcity.events.errors import InputError


@dataclass(frozen=True)
class Pacing:
    """Pacing of a host of clients.

    Attributes:
        interval_s: without a newer version for this long, clients publish again, so that a domain
            below its quorum can go on; for an evaluating host the least time between evaluations.
        clients_per_round: clients drawn for each version; None: all.
        gossip_wait_s: how long a client waits for its peers' priors of a cycle.
    """

    interval_s: float = 15.0
    clients_per_round: int | None = None
    gossip_wait_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.interval_s < float("inf"):
            raise InputError(f"--interval-s {self.interval_s:g} must be positive")
        if self.clients_per_round is not None and self.clients_per_round < 1:
            raise InputError(f"--clients-per-round {self.clients_per_round} must be at least 1")

    def draw(self, clients: Sequence[str], seed: str) -> list[str]:
        """The clients that take part this time.

        >>> Pacing(clients_per_round=2).draw(["a"], "seed")
        ['a']
        """
        if self.clients_per_round is None or self.clients_per_round >= len(clients):
            return list(clients)
        return random.Random(seed).sample(list(clients), self.clients_per_round)
