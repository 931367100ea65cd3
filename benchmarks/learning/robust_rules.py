"""Two published robust rules of aggregation, in the place of ours: for comparison only.

Both need one vector a client. A client reports m of 128 directions, so its vector is the unbiased
estimate of its gradient that these allow (Kozak et al. 2021): zero along all other directions.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.contribution import Contribution
from scarcity.learning.directions import DIRECTION_COUNT, block, hadamard, signs
from scarcity.learning.online_maml import DomainState, LearningSettings, OnlineMAMLEngine

Array = npt.NDArray[np.float64]

UNDEFENDED = LearningSettings(trust=False, gate=False, cap_factor=1e9, typical_losses=False)


class TrimmedMean(OnlineMAMLEngine):
    """Each entry's mean without its largest and smallest values.

    Args:
        share: trimmed at each end; it is told the attackers' share, which a server would not know.

    Source: Yin et al. (2018), ICML, definition 2.
    """

    def __init__(self, share: float) -> None:
        super().__init__(UNDEFENDED)
        self._share = share

    def gradient(
        self,
        domain: str,
        version: int,  # noqa: ARG002
        after: DomainState,
        told: Sequence[Contribution],
    ) -> tuple[Array, Array]:
        """As the engine's; the cap stays as it is."""
        ordered = np.sort(estimates(domain, told), axis=0)
        cut = min(int(np.ceil(self._share * len(ordered))), (len(ordered) - 1) // 2)
        return after.cap, ordered[cut : len(ordered) - cut].mean(axis=0)


class CentredClipping(OnlineMAMLEngine):
    """Each client pulls the last aggregate by no more than a radius; one step a round.

    The radius is the median distance of the round's clients. Their workers' momentum is left out:
    it would need a client to send sums over rounds.

    Source: Karimireddy, He and Jaggi (2021), ICML, algorithm 2.
    """

    def __init__(self) -> None:
        super().__init__(UNDEFENDED)
        self._last: dict[str, Array] = {}

    def gradient(
        self,
        domain: str,
        version: int,  # noqa: ARG002
        after: DomainState,
        told: Sequence[Contribution],
    ) -> tuple[Array, Array]:
        """As the engine's; the cap stays as it is."""
        sent = estimates(domain, told)
        last = self._last.get(domain, np.zeros(sent.shape[1:]))
        pulls = sent - last
        lengths = np.linalg.norm(pulls, axis=-1, keepdims=True)
        radius = np.median(lengths, axis=0)
        shares = np.minimum(1.0, radius / np.maximum(lengths, 1e-300))
        self._last[domain] = last + (shares * pulls).mean(axis=0)
        return after.cap, self._last[domain]


def estimates(domain: str, told: Sequence[Contribution]) -> Array:
    """Each client's own estimate of its gradient; float64 [n, E, 129]."""
    return np.stack([_estimate(domain, one) for one in told])


def _estimate(domain: str, one: Contribution) -> Array:
    assert one.slopes is not None
    slopes = one.slopes / float(SLOPE_SCALE)
    columns = slopes.shape[1] - 1
    basis = hadamard()[:, block(one.client_id, one.sequence, columns)] / DIRECTION_COUNT**0.5
    turned = signs(domain, one.meta_version)[:, None] * basis
    along: Array = slopes[:, :-1] @ turned.T * (DIRECTION_COUNT / columns)
    return np.concatenate([along, slopes[:, -1:]], axis=1)
