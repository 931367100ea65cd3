"""OnlineMAMLEngine: from a round's losses and slopes to the next version of a domain's start.

z_D = z0 + delta_D: what a family shares and what a domain adds. A step that hurt most clients is
taken back by the next version (the gate), no contribution pushes harder than the running median
client (the cap), and a client whose slopes contradict its own losses counts for less (trust): the
three are the defence against poisoned insights.

Source: Finn et al. (2019), "Online Meta-Learning", ICML; hierarchy, gate, cap and trust are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from scarcity.events.types import EXPERT_COUNT, META_COUNT
from scarcity.learning.adam import Adam
from scarcity.learning.contribution import (
    Contribution,
    cap_slopes,
    lower_median,
    mean_losses,
    reconstruct,
    slope_norms,
    with_common_slopes,
)
from scarcity.learning.doubt import trust
from scarcity.learning.gate import excess_of_worse
from scarcity.learning.hearing import hear, running
from scarcity.learning.initial import default_z, waves
from scarcity.learning.meta_states import DomainState, FamilyState
from scarcity.learning.settings import TRUST_SCALE, LearningSettings
from scarcity.learning.starts import (
    base_start,
    choose_start,
    starting_points,
)

__all__ = [
    "Contribution",
    "DomainState",
    "FamilyState",
    "LearningSettings",
    "OnlineMAMLEngine",
    "StepReport",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StepReport:
    """What an update did.

    Attributes:
        reverted: the version before was harmful and is taken back.
        mean_loss: mean of ``expert_losses``; None when no one was heard.
        expert_losses: this round's mean query loss; float64 [E]; NaN where no one was heard.
        mean_staleness_versions: over the insights used.
        start: name of the starting point chosen in this update; empty otherwise.
        used, ignored: insights by what became of them; ignored: from the future or too stale.
    """

    reverted: bool
    step_scale: float
    mean_loss: float | None
    expert_losses: Array
    mean_staleness_versions: float
    start: str
    used: int
    ignored: int


class OnlineMAMLEngine:
    """Pure: holds settings only; every state goes in and comes out."""

    def __init__(self, settings: LearningSettings | None = None) -> None:
        self.settings = settings or LearningSettings()

    def start_family(self, inputs: int) -> FamilyState:
        """State of a family that no domain has taught yet; ``inputs``: number of columns."""
        z0 = default_z(inputs)
        return FamilyState(inputs, z0, Adam.zeros(z0.shape))

    def start(
        self, domain: str, family: FamilyState, others: Mapping[str, FamilyState]
    ) -> DomainState:
        """Version 0 of a domain: the family's z0, with candidates when there is experience to try.

        Args:
            domain: its name, for the message.
            family: the domain's; :meth:`start_family` when it is new.
            others: the other families by name.

        Raises:
            ValueError: the family's z0 is not [experts, 129].
        """
        if family.z0.shape != (EXPERT_COUNT, META_COUNT):
            raise ValueError(f"domain {domain!r}: its family's z0 has shape {family.z0.shape}")
        zeros, nothing = np.zeros_like(family.z0), np.full(EXPERT_COUNT, np.nan)
        return DomainState(
            version=0,
            z=family.z0,
            delta=zeros,
            family_step=zeros,
            adam=Adam.zeros(zeros.shape),
            cap=nothing,
            domain_losses=nothing,
            candidates=starting_points(family, others),
        )

    def update(
        self,
        domain: str,
        state: DomainState,
        family: FamilyState,
        contributions: Sequence[Contribution],
    ) -> tuple[DomainState, FamilyState, StepReport]:
        """Make the next version. The order of the contributions does not matter, not by one bit.

        Raises:
            ValueError: there are no contributions.
        """
        if not contributions:
            raise ValueError(f"domain {domain!r}: a round needs at least one contribution")
        oldest = state.version - self.settings.max_staleness
        used = [c for c in contributions if oldest <= c.meta_version <= state.version]
        losses = mean_losses(used) if used else np.full(EXPERT_COUNT, np.nan)
        after = hear(domain, state, used, losses, self.settings)
        start, reverted = "", False
        if state.candidates:
            start = choose_start(state.candidates, used)
            after, family = _begin(start, after, family)
        if start in ("", base_start(state.candidates)):
            after, reverted = self._judge(after, state.version, used)
            if reverted:
                after, family = self.take_back(after, state, family)
            else:
                after, family = self._step(domain, after, state.version, family, used)
        heard = losses[~np.isnan(losses)].tolist()
        report = StepReport(
            reverted=reverted,
            step_scale=after.step_scale,
            mean_loss=sum(heard) / len(heard) if heard else None,
            expert_losses=losses,
            mean_staleness_versions=(
                sum(state.version - c.meta_version for c in used) / len(used) if used else 0.0
            ),
            start=start,
            used=len(used),
            ignored=len(contributions) - len(used),
        )
        return after, family, report

    def _judge(
        self, after: DomainState, version: int, used: Sequence[Contribution]
    ) -> tuple[DomainState, bool]:
        rules = self.settings
        counts = trust(used, after.doubts, rules)
        return self.judge(after, excess_of_worse(version, used, rules, counts))

    def judge(self, after: DomainState, excess: float | None) -> tuple[DomainState, bool]:
        """Whether the last step was harmful, by the running excess of those it made worse.

        Args:
            excess: of this round, learning/gate.py; None: too few say anything.
        """
        rules = self.settings
        if excess is None or not rules.gate:
            return after, False
        running = rules.gate_decay * after.excess + (1 - rules.gate_decay) * excess
        if running > 0:
            scale = max(rules.floor, after.step_scale * rules.shrink)
            return replace(after, excess=0.0, step_scale=scale), True
        scale = min(1.0, after.step_scale * rules.grow)
        return replace(after, excess=running, step_scale=scale), False

    def take_back(
        self, after: DomainState, state: DomainState, family: FamilyState
    ) -> tuple[DomainState, FamilyState]:
        """Undo the last step; ``state`` is before this round, ``after`` its figures moved on."""
        # A harmful version has a version before it: only then do clients report previous losses.
        target = state.z if state.previous_z is None else state.previous_z
        z0 = family.z0 - state.family_step
        family = replace(family, z0=z0, adam=family.adam.without_momentum())
        return replace(
            after,
            z=target,
            delta=target - z0,
            family_step=np.zeros_like(z0),
            adam=state.adam.without_momentum(),
        ), family

    def _step(
        self,
        domain: str,
        after: DomainState,
        version: int,
        family: FamilyState,
        used: Sequence[Contribution],
    ) -> tuple[DomainState, FamilyState]:
        rules = self.settings
        with_slopes = with_common_slopes(used)
        if not with_slopes:
            z = family.z0 + after.delta
            return replace(after, z=z, family_step=np.zeros_like(z)), family
        cap, gradient = self.gradient(domain, version, after, with_slopes)
        clients = int(trust(with_slopes, after.doubts, rules).sum()) / TRUST_SCALE
        after = replace(after, cap=cap)
        return self.step_against(gradient, after, version, family, clients=clients)

    def gradient(
        self, domain: str, version: int, after: DomainState, told: Sequence[Contribution]
    ) -> tuple[Array, Array]:
        """What a round's slopes say together.

        Args:
            version: that is current.
            after: the domain's state, its doubts already moved on.
            told: all with slopes, equally many.

        Returns:
            The running median of slope norms, float64 [E], and the gradient, float64 [E, 129].
        """
        rules, counts = self.settings, trust(told, after.doubts, self.settings)
        slopes = np.stack([c.slopes for c in told if c.slopes is not None])
        norms = slope_norms(slopes)
        cap = running(after.cap, lower_median(norms[counts > 0]), rules.cap_decay)
        capped = cap_slopes(slopes, norms, rules.cap_factor * cap)
        return cap, reconstruct(
            domain, version, told, capped, counts, weigh_staleness=rules.weigh_staleness
        )

    def step_against(
        self,
        gradient: Array,
        after: DomainState,
        version: int,
        family: FamilyState,
        *,
        clients: float,
    ) -> tuple[DomainState, FamilyState]:
        """Move the family's start and the domain's own part against a gradient.

        Args:
            gradient: of the mean query loss; float64 [E, 129].
            after: the domain's state, its losses and counts already moved on.
            version: that the gradient was taken at.
            clients: behind the gradient.
        """
        rules = self.settings
        rate = self.rate(insights=after.insights, version=version) * after.step_scale
        betas = {"beta1": rules.beta1, "beta2": rules.beta2, "epsilon": rules.epsilon}
        keep = np.ones_like(family.z0)
        noise = np.sqrt(np.where(np.isnan(after.domain_losses), 1.0, after.domain_losses))
        forgotten = np.minimum(0.5, rules.wave_decay * rate * noise)
        keep[:, waves(family.inputs)] = 1 - forgotten[:, None]
        # By client, not by domain: the gradient of a few clients is mostly noise. (Adam takes no
        # notice of a factor that all rounds of a family have.)
        shared, direction = family.adam.update(clients * gradient, **betas)
        z0 = np.clip(keep * family.z0 - rate * direction, -rules.bound, rules.bound)
        own, direction = after.adam.update(gradient, **betas)
        keep = keep * (1 - min(0.5, rules.pull * rate / clients))
        delta = keep * after.delta - rate / 2 * direction
        z = np.clip(z0 + delta, -rules.bound, rules.bound)
        after = replace(after, z=z, delta=z - z0, family_step=z0 - family.z0, adam=own)
        return after, replace(family, z0=z0, adam=shared, updates=family.updates + 1)

    def rate(self, *, insights: int, version: int) -> float:
        """Return the step's length, before the gate's scale; units of z.

        Args:
            insights: used so far, this round's with them.
            version: of the domain.
        """
        rules = self.settings
        if rules.mode == "sync":
            return rules.rate / float(np.sqrt(1 + version / rules.rate_versions))
        return rules.stream_rate / float(np.sqrt(1 + insights / rules.rate_insights))


def _begin(start: str, after: DomainState, family: FamilyState) -> tuple[DomainState, FamilyState]:
    z = after.candidates[start]
    if not family.updates:
        family = replace(family, z0=z)
    return replace(after, z=z, delta=z - family.z0, candidates={}), family
