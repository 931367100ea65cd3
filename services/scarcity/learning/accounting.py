"""What noised rounds cost: epsilon of a number of rounds, by numeric composition.

Assumes what the mechanisms keep: sums have the sensitivity that the noise was scaled by, and in
`central` mode each client takes part in a version with at most the sampling rate, by a coin of its
own that nobody else sees (Poisson sampling). In `local` mode who takes part can be seen, so
nothing is gained by sampling.

The noise is a discrete Gaussian of 2**24 units and more; it is accounted as a Gaussian rounded to
integers, which is post-processing of the Gaussian mechanism. The two distributions differ by less
than 1e-16 a number in total variation, so by less than 1e-9 in delta over a million numbers.

Source: Koskela, Jaelkoe, Honkela (2020), AISTATS, and Doroshenko et al. (2022), PoPETs, as
implemented in the package dp-accounting (upper bounds by "connect the dots").
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scarcity.events.dp_rules import NO_PROMISE, DpRules
from scarcity.events.errors import ServiceError

if TYPE_CHECKING:
    PrivacyLoss = Any

DISCRETISATION = 1e-3
MOST_ROUNDS = 1_000_000
MOST_EPSILON = 100.0


def epsilon(rules: DpRules, rounds: int) -> float:
    """Epsilon after so many rounds, at ``rules.delta``; an upper bound.

    Args:
        rounds: `central`: versions that a client tossed its coin for; `local`: its insights.

    Raises:
        ServiceError: the package dp-accounting is not installed.
    """
    if rounds < 1:
        return 0.0
    z, rate = rules.noise_multiplier, rules.sampling_rate
    if not z:
        return NO_PROMISE
    return _epsilon(z, rate if rules.where == "central" else 1.0, rounds, rules.delta)


def rounds_within(rules: DpRules, limit: float) -> int:
    """The most rounds whose epsilon does not pass ``limit``; at most MOST_ROUNDS.

    A limit of NO_PROMISE is none. Others are cut to MOST_EPSILON: beyond it a promise says nothing,
    and to find it out takes long.
    """
    if limit >= NO_PROMISE:
        return MOST_ROUNDS
    limit = min(limit, MOST_EPSILON)
    if epsilon(rules, 1) > limit:
        return 0
    low, high = 1, 2
    while high < MOST_ROUNDS and epsilon(rules, high) <= limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if epsilon(rules, middle) <= limit:
            low = middle
        else:
            high = middle
    return low


@lru_cache(maxsize=8192)
def _epsilon(z: float, rate: float, rounds: int, delta: float) -> float:
    composed = _one_round(z, rate).self_compose(rounds)
    return float(composed.get_epsilon_for_delta(delta))


@lru_cache(maxsize=64)
def _one_round(z: float, rate: float) -> "PrivacyLoss":
    try:
        # Two seconds of imports that only domains in mode `dp` need.
        from dp_accounting.pld import privacy_loss_distribution
    except ImportError:
        raise ServiceError(
            "privacy mode `dp` needs the package dp-accounting: pip install 'scarcity[privacy]'"
        ) from None
    return privacy_loss_distribution.from_gaussian_mechanism(
        standard_deviation=z,
        value_discretization_interval=DISCRETISATION,
        sampling_prob=rate,
        use_connect_dots=True,
    )
