"""Differential privacy of a domain: what its profile asks for, what a version's entry accounts for.

Arithmetic and accountant are in learning/; who adds the noise and who may read what:
docs/decisions/0012-differential-privacy.md.
"""

from math import isfinite
from typing import Final, Literal

import msgspec

NO_PROMISE: Final = 1e6  # an epsilon that stands for infinity, as JSON has none


class DpRules(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How noise is added, and how far a domain and its clients may go.

    The unit of privacy is a client with all its rows. `central`: two populations that differ by one
    client; the server, which sees the exact figures, adds noise once to the sums of a round.
    `local`: any two sets of rows of one client; each client adds noise to its own slopes and
    tells no loss.

    Attributes:
        where: who adds the noise.
        noise_multiplier: z, standard deviation of the noise over the sensitivity. 0: clipping and
            sampling alone, for comparison; epsilon is then NO_PROMISE, and the limit must say so.
        clip: C, bound of the norm of all slopes of an insight together, loss per unit of z.
        loss_clip: `central`: a loss counts at most this much; target standardised.
        sampling_rate: chance with which a client takes part in a version, by a coin of its own.
        clients: `central`: how many clients the domain is expected to have. Sums are divided by
            clients * sampling_rate: the number that really took part is nobody's to know.
        delta: probability outside the promise.
        epsilon_limit: no version, and no insight, beyond it.
    """

    where: Literal["central", "local"] = "central"
    noise_multiplier: float = 2.0
    clip: float = 1.0
    loss_clip: float = 4.0
    sampling_rate: float = 0.1
    clients: int = 0
    delta: float = 1e-5
    epsilon_limit: float = 6.0

    def __post_init__(self) -> None:
        positive = {
            "clip": self.clip,
            "loss_clip": self.loss_clip,
            "epsilon_limit": self.epsilon_limit,
        }
        for name, value in positive.items():
            if not (isfinite(value) and 0 < value <= NO_PROMISE):
                raise ValueError(f"dp.{name} {value} must lie in (0, 1e6]")
        z = self.noise_multiplier
        if not (isfinite(z) and 0 <= z <= 1e6) or (not z and self.epsilon_limit != NO_PROMISE):
            raise ValueError(
                f"dp.noise_multiplier {z} must lie in (0, 1e6]; 0 promises nothing: then set "
                "dp.epsilon_limit to 1e6"
            )
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(f"dp.sampling_rate {self.sampling_rate} must lie in (0, 1]")
        if not 0 < self.delta < 1:
            raise ValueError(f"dp.delta {self.delta} must lie in (0, 1)")
        if self.where == "central" and self.expected < 1:
            raise ValueError(
                f"dp.clients {self.clients}: central noise needs the number of clients of the "
                "domain, so that at least one is expected in a round"
            )

    @property
    def expected(self) -> float:
        """Clients expected in a round."""
        return self.clients * self.sampling_rate


class DpRound(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version's ledger entry says of its noise.

    Attributes:
        rules, slopes_per_expert, experts: of the profile that the version was made under.
        epsilon: spent after this version, at ``delta``. `central`: by every client that could take
            part since version 0. `local`: by the client of the round that has spent most.
        noise_commitment: `central`: hex SHA-256 of the key that the noise is drawn from.
    """

    rules: DpRules
    slopes_per_expert: int
    epsilon: float
    delta: float
    experts: tuple[int, ...] = ()
    noise_commitment: str = ""
