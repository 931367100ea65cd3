"""Clients that collude to spoil their peers' priors.

They know the domain's version and what each of them would honestly send. What they send has the
right shape: a message that cannot be read is only as if they were silent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scarcity.client.gossip_payload import Message
from scarcity.events.types import FEATURE_COUNT
from scarcity.simulation.gossip_scenario import WeightAttackers

Array = npt.NDArray[np.float64]
# Honest messages of a gang [n, E, 129], and the version's z [E, 129], to what is sent instead.
Rule = Callable[[Array, Array], Array]

SHIFT = 10.0
# Standard deviations from the mean that ALIE goes; its published choice for some 50 clients.
ALIE_DEVIATIONS = 1.5


class WeightAttack:
    """What one gang does to the offers of its members."""

    def __init__(self, attackers: WeightAttackers, chance: np.random.Generator) -> None:
        strength = attackers.strength
        prior_rules: dict[str, Rule] = {
            "sign-flip": lambda own, z: -(1 + strength) * z - strength * own,
            "shift": lambda own, _: own + strength * SHIFT,
            "alie": lambda own, _: _a_little(own, strength),
            "noise": lambda own, _: own + strength * chance.standard_normal(own.shape),
            "against-momentum": lambda own, _: own,
        }
        self._of_prior = prior_rules[attackers.attack]
        momentum_rules: dict[str, Rule] = prior_rules | {
            "sign-flip": lambda own, _: -strength * own,
            "against-momentum": lambda own, _: _against(own, strength),
        }
        self._of_momentum = momentum_rules[attackers.attack]
        self._after = attackers.after_cycles

    def forge(self, honest: Sequence[Message], base: Array, cycle: int) -> list[Message]:
        """What is sent instead, in the same order.

        Args:
            base: z that deviations are measured from; float64 [E, 129].
        """
        if cycle <= self._after or not honest:
            return list(honest)
        priors = np.stack([message.deviation for message in honest])
        forged = self._of_prior(priors, base)
        if any(message.momentum is None for message in honest):
            # While there is a server, only theta is sent.
            forged[..., FEATURE_COUNT:] = 0.0
            return [Message(prior) for prior in forged]
        momenta = np.stack([m.momentum for m in honest if m.momentum is not None])
        pairs = zip(honest, forged, self._of_momentum(momenta, base), strict=True)
        return [replace(m, deviation=prior, momentum=way) for m, prior, way in pairs]


def _a_little(own: Array, strength: float) -> Array:
    """Mean less some deviations, all the same (Baruch et al. 2019, NeurIPS, algorithm 3)."""
    wanted = own.mean(axis=0) - strength * ALIE_DEVIATIONS * own.std(axis=0)
    return np.broadcast_to(wanted, own.shape).copy()


def _against(own: Array, strength: float) -> Array:
    """The gang's mean momentum, turned round and as long as its own times ``10 * strength``."""
    return np.broadcast_to(-10 * strength * own.mean(axis=0), own.shape).copy()
