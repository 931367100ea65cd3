"""One client's state in gossip: its prior's way from the server's, and whom it listens to.

While there is a server, only theta moves, and never far from the server's. While it is silent, the
whole prior moves with the peers (scarcity/learning/peer_learning.py); the server's next version
leads again, and what lies within the clip around its theta is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scarcity.client.gossip_payload import Message
from scarcity.client.versions import Version
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, META_COUNT
from scarcity.learning.mixing import GossipRules, PeerHysteresis, clip_deviation, mix, pull
from scarcity.learning.peer_learning import PeerLearner, exchange, step

Array = npt.NDArray[np.float64]


@dataclass
class Trader:
    """A client's state.

    Attributes:
        hysteresis: whom it listens to.
        deviation: z minus the version's; float64 [E, 129]; beyond theta 0 while there is a server.
        learner: the same with its momentum, while the server is silent.
        base: number of the version that ``learner`` started from.
        exchanges: in which something was mixed in.
        earlier_evictions, earlier_readmissions: before a restart.
    """

    rules: GossipRules
    hysteresis: PeerHysteresis
    deviation: Array = field(default_factory=lambda: np.zeros((EXPERT_COUNT, META_COUNT)))
    learner: PeerLearner | None = None
    base: int = 0
    exchanges: int = 0
    earlier_evictions: int = 0
    earlier_readmissions: int = 0

    @property
    def message(self) -> Message:
        """What peers are told."""
        momentum = None if self.learner is None else self.learner.prior.momentum
        return Message(self.deviation, momentum)

    def restore(self, message: Message, base: int) -> None:
        """Go on from an own message, after a restart."""
        if message.momentum is None:
            self.deviation = self._near_theta(message.deviation)
        else:
            self.base = base
            self._become(PeerLearner.begin(message.deviation, message.momentum))

    def deviation_from(self, version: Version) -> Array:
        """How far the prior lies from a version's; float64 [E, 129]."""
        if self.learner is not None and self.base != version.number:
            return self._near_theta(self.deviation)
        return self.deviation

    def follow(self, version: Version, *, server_silent: bool) -> None:
        """Learn with peers while the server is silent; otherwise let its version lead."""
        if self.learner is not None and (self.base != version.number or not server_silent):
            self.deviation, self.learner = self._near_theta(self.deviation), None
        if server_silent and self.learner is None:
            self.learner, self.base = PeerLearner.begin(self.deviation), version.number

    def move(
        self, version: Version, gradient: Array, losses: Array, profile: DomainProfile
    ) -> None:
        """Take one meta-step.

        Args:
            gradient: the client's own; float64 [E, 129]; 0 where it runs no expert.
            losses: of its query; float64 [E]; NaN where it runs no expert.
        """
        clip = profile.slope_clip
        if self.learner is None:
            moved = self.rules.keep * self.deviation
            by_theta = clip_deviation(gradient[:, :FEATURE_COUNT], clip)
            moved[:, :FEATURE_COUNT] -= self.rules.step * by_theta
            self.deviation = clip_deviation(moved, self.rules.radius)
            return
        self._become(
            step(
                self.learner,
                version.z.numpy(),
                gradient,
                losses,
                version=version.number,
                inputs=len(profile.features),
                slope_clip=clip,
            )
        )

    def can_use(self, message: Message, base: int) -> bool:
        """Without a server's theta as anchor, priors must be measured from the same version."""
        return self.learner is None or (message.momentum is not None and base == self.base)

    def expected_gain(self, gains: Sequence[float]) -> float:
        """What a peer's gain is held against: 0 while there is a server.

        Without one the own prior knows the own rows, and every other looks worse on them: the
        median of an exchange says by how much.
        """
        if self.learner is None:
            return 0.0
        return min(0.0, sorted(gains)[(len(gains) - 1) // 2])

    def mixed(self, messages: Sequence[Message]) -> Array:
        """The deviation, had these been mixed in; float64 [E, 129]."""
        others, radius = [message.deviation for message in messages], self.rules.radius
        if self.learner is not None:
            return pull(self.deviation, others, radius=radius)
        # Deviations are measured from the server's theta, which is then the zero.
        theta = [other[:, :FEATURE_COUNT] for other in others]
        result = self.deviation.copy()
        own = result[:, :FEATURE_COUNT]
        result[:, :FEATURE_COUNT] = mix(own, np.zeros_like(own), theta, radius=radius)
        return result

    def mix_in(self, messages: Sequence[Message], profile: DomainProfile) -> None:
        """Mix peers' priors into the own."""
        if self.learner is None:
            self.deviation = self.mixed(messages)
        else:
            priors = [message.prior for message in messages if message.prior is not None]
            radius, clip = self.rules.radius, profile.slope_clip
            self._become(exchange(self.learner, priors, radius=radius, slope_clip=clip))
        self.exchanges += 1

    def _become(self, learner: PeerLearner) -> None:
        self.learner, self.deviation = learner, learner.prior.deviation

    def _near_theta(self, deviation: Array) -> Array:
        near = np.zeros_like(deviation)
        near[:, :FEATURE_COUNT] = clip_deviation(deviation[:, :FEATURE_COUNT], self.rules.radius)
        return near
