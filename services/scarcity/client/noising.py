"""Privacy mode `dp`, a client's side: whose turn it is, what leaves, and when nothing more does.

Each client tosses a coin of its own for each version, once, and nobody else sees it: that is what
makes the sampling of the accountant true. What the log must know before, so that a restart neither
tosses again nor forgets what was spent, is leased as the scalars of mode `budget` are
(docs/decisions/0012-differential-privacy.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.dp_rules import DpRules
from scarcity.events.errors import ServiceError
from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.accounting import epsilon, rounds_within
from scarcity.learning.client_step import Draw, StepResult
from scarcity.learning.contribution import Ints, cap_slopes, slope_norms
from scarcity.learning.discrete_gaussian import KeyStream, discrete_gaussian
from scarcity.learning.noised_round import clip_jointly

SECRET_BYTES = 32
LEASES = 20  # a restart loses at most this share of the rounds


@dataclass(frozen=True)
class Discretion:
    """What a client brings of its own to its privacy.

    Attributes:
        secret: of this process, SECRET_BYTES, drawn anew at each start; coins and local noise come
            from it. Mode `dp` needs it.
        epsilon_limit: the client's own, when it is stricter than the domain's.
    """

    secret: bytes = b""
    epsilon_limit: float | None = None


@dataclass(frozen=True)
class Rounds:
    """Rounds of one client that its accountant counts; a value, each change gives a new one.

    Attributes:
        spent: counted so far, or given up because a restart forgot how many they were.
        decided: last version that the coin was tossed for, or may have been.
        leased, until: what the log already holds: at most so many rounds, on versions up to there.
    """

    spent: int = 0
    decided: int = -1
    leased: int = 0
    until: int = -1

    @classmethod
    def after_restart(cls, leased: int, until: int) -> "Rounds":
        """All that was leased counts as spent, and its versions as decided."""
        return cls(leased, until, leased, until)

    def with_lease(self, version: int, rounds: int) -> "Rounds":
        """Lease ``rounds`` more, on as many versions from ``version`` on."""
        return replace(self, leased=self.spent + rounds, until=version + rounds - 1)


class Noising:
    """Coins, clipping, noise and count of the clients of one process.

    Args:
        slope_clip: bound of an expert's slopes that the memory admits.

    Raises:
        ValueError: there is no secret.
        ServiceError: the accountant is not installed.
    """

    def __init__(self, rules: DpRules, slope_clip: float, discretion: Discretion) -> None:
        if len(discretion.secret) < SECRET_BYTES:
            raise ValueError(f"mode `dp` needs a secret of {SECRET_BYTES} bytes")
        self.rules = rules
        own = discretion.epsilon_limit
        self.limit = rules.epsilon_limit if own is None else min(own, rules.epsilon_limit)
        self.allowed = rounds_within(rules, self.limit)
        self._slope_clip = slope_clip
        self._secret = discretion.secret
        self._rounds: dict[str, Rounds] = {}

    def join(self, client: str, before: ClientRegistered | None) -> Rounds:
        """Go on where the client's earlier registration ended.

        Raises:
            ServiceError: rounds were spent under other rules.
        """
        if before is None or not before.leased_rounds:
            self._rounds[client] = Rounds()
        elif before.dp != self.rules:
            raise ServiceError(
                f"client {client!r} spent up to {before.leased_rounds} rounds under other rules of "
                f"mode `dp`, which cannot be added to these: give the changed domain a new name"
            )
        else:
            leased, until = before.leased_rounds, before.leased_until
            self._rounds[client] = Rounds.after_restart(leased, until)
        return self._rounds[client]

    def rounds(self, client: str) -> Rounds:
        """What a client has spent."""
        return self._rounds[client]

    def epsilon(self, client: str) -> float:
        """What a client has spent, at the rules' delta."""
        return epsilon(self.rules, self._rounds[client].spent)

    def spent_text(self, client: str) -> str:
        """The same for people."""
        return (
            f"epsilon {self.epsilon(client):.3g} of {self.limit:g} at delta {self.rules.delta:g}, "
            f"{self._rounds[client].spent} rounds counted"
        )

    def is_spent(self, client: str) -> bool:
        """Whether one more round would pass the limit."""
        return self._rounds[client].spent >= self.allowed

    def toss(self, client: str, domain: str, version: int) -> tuple[bool, bool]:
        """Toss a client's coin for a version, unless it was tossed before or the limit is reached.

        Returns:
            Whether the client takes part; whether a registration must be published before.
        """
        rounds = self._rounds[client]
        if version <= rounds.decided or self.is_spent(client):
            return False, False
        heads = self._coin(domain, client, version) < self.rules.sampling_rate
        # With central noise a round counts whatever the coin said: that is what was promised.
        counts = heads or self.rules.where == "central"
        rounds = replace(rounds, decided=version)
        must_lease = counts and (rounds.spent >= rounds.leased or version > rounds.until)
        if must_lease:
            share = min(max(1, self.allowed // LEASES), self.allowed - rounds.spent)
            rounds = rounds.with_lease(version, share)
        self._rounds[client] = replace(rounds, spent=rounds.spent + counts)
        return heads, must_lease

    def treat(self, result: StepResult, draws: Sequence[Draw]) -> StepResult:
        """What may leave of a step: clipped for the server's noise, or with noise of one's own.

        With local noise no loss is told: each is ``loss_clip``, which says nothing.
        """
        assert result.slopes is not None
        slopes = clip_jointly(result.slopes, self.rules.clip)
        losses = np.minimum(result.losses, self.rules.loss_clip)
        if self.rules.where == "local":
            noise = [self._noise(draw, slopes[0].size) for draw in draws]
            slopes = slopes + np.stack(noise).reshape(slopes.shape)
            # The memory admits no longer ones; to cut what has its noise costs no privacy.
            cap = np.full(slopes.shape[1], self._slope_clip)
            slopes = cap_slopes(slopes, slope_norms(slopes), cap)
            losses = np.full_like(losses, self.rules.loss_clip)
        return replace(
            result, losses=losses, slopes=slopes, previous_losses=None, candidate_losses={}
        )

    def _noise(self, draw: Draw, count: int) -> Ints:
        # Between any two sets of rows clipped slopes differ by at most twice the clip.
        sigma = ceil(2 * self.rules.noise_multiplier * self.rules.clip * SLOPE_SCALE)
        stream = KeyStream(self._secret, "local", draw.client_id, draw.sequence)
        return discrete_gaussian(stream, sigma, count)

    def _coin(self, domain: str, client: str, version: int) -> float:
        """A number in [0, 1) from the secret."""
        text = f"coin/{domain}/{version}/{client}".encode()
        digest = hashlib.blake2b(text, key=self._secret, digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2**64
