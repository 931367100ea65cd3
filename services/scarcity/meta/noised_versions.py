"""Versions of domains in privacy mode `dp`: one computation for the meta-learner and its audit.

As meta/recompute.py, with the noise of learning/noised_round.py. What the ledger tells of a version
(:class:`DpRound`) and the domain's secret key are enough to make it again.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from scarcity.events.domain_profile import DomainProfile
from scarcity.events.dp_rules import DpRound, DpRules
from scarcity.events.errors import EventError, Reason, ServiceError
from scarcity.events.insight import Insight
from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.accounting import epsilon
from scarcity.learning.noised_round import CentralNoise, update_noised
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.recompute import Version, contribution, first_version

DrawKey: TypeAlias = Callable[[], bytes]


def no_keys() -> bytes:
    """Stands for a source of secrets where there is none.

    Raises:
        ServiceError: always.
    """
    raise ServiceError("a domain with central noise needs a source of secret keys: give one")


def new_key(profile: DomainProfile, draw: DrawKey) -> bytes:
    """The secret of a new domain; empty when it needs none."""
    return draw() if profile.dp is not None and profile.dp.where == "central" else b""


def commitment(key: bytes) -> str:
    """What the ledger tells of a noise key: hex SHA-256; empty without one.

    >>> commitment(b"")
    ''
    """
    return hashlib.sha256(b"scarcity/noise-key/" + key).hexdigest() if key else ""


def over_limit(rules: DpRules, version: int) -> str:
    """Why a domain with central noise may not have this version; empty when it may.

    With local noise each client heeds its own limit.
    """
    if rules.where == "local":
        return ""
    spent = epsilon(rules, version)
    if spent <= rules.epsilon_limit:
        return ""
    return (
        f"has spent its privacy: version {version} would reach epsilon {spent:.4g} of "
        f"{rules.epsilon_limit:g} at delta {rules.delta:g}"
    )


def account(
    profile: DomainProfile, version: int, insights: Iterable[Insight], key: bytes
) -> DpRound | None:
    """What a version's ledger entry says of its noise; None when the domain is not in mode `dp`.

    Args:
        version: its number; of central noise it is also the number of noised rounds so far.
        insights: used for it. With local noise each tells what its client has spent.
        key: of a domain with central noise.
    """
    rules = profile.dp
    if rules is None:
        return None
    return DpRound(
        rules,
        profile.slopes_per_expert,
        spent_by(rules, version, insights),
        rules.delta,
        profile.experts,
        commitment(key) if rules.where == "central" else "",
    )


def spent_by(rules: DpRules, version: int, insights: Iterable[Insight]) -> float:
    """Epsilon after a version; arguments as of :func:`account`."""
    if rules.where == "central":
        return epsilon(rules, version)
    return max((insight.epsilon or 0.0 for insight in insights), default=0.0)


def first_noised_version(
    engine: OnlineMAMLEngine,
    domain: str,
    family: str,
    inputs: int,
    families: Mapping[str, FamilyState],
) -> Version:
    """Version 0; no starts are tried, as clients would tell a loss under each without noise.

    Args: as :func:`scarcity.meta.recompute.first_version`.
    """
    own = {family: families[family]} if family in families else {}
    version = first_version(engine, domain, family, inputs, own)
    return replace(version, domain=replace(version.domain, candidates={}))


def next_noised_version(
    engine: OnlineMAMLEngine,
    domain: str,
    state: DomainState,
    family: FamilyState,
    insights: Iterable[Insight],
    dp: DpRound,
    key: bytes,
    inputs_hash: str,
) -> Version:
    """Make the version after ``state``.

    Args:
        dp: what the version's entry says.
        key: the domain's, for central noise; it must be the one that ``dp`` commits to.
        inputs_hash: of ``insights`` (meta/recompute.py), not of what the entry names: a version
            made again of other insights gets other noise.

    Raises:
        EventError: the key is another one.
    """
    told = [contribution(insight, state.version) for insight in insights]
    if dp.rules.where == "local":
        silent = np.full(EXPERT_COUNT, np.nan)
        plain = [
            replace(c, losses=silent, previous_losses=None, candidate_losses=None) for c in told
        ]
        return Version(*engine.update(domain, state, family, plain))
    if commitment(key) != dp.noise_commitment:
        raise EventError(
            Reason.MALFORMED,
            f"the noise key of {domain} {'is another one than' if key else 'is not there:'} "
            f"the ledger commits to {dp.noise_commitment[:12]}…",
        )
    experts = dp.experts or tuple(range(EXPERT_COUNT))
    noise = CentralNoise(dp.rules, dp.slopes_per_expert, experts, key, inputs_hash)
    return Version(*update_noised(engine, domain, state, family, told, noise))
