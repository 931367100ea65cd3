"""Victims to measure privacy on: real client cores with a few made-up rows."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scarcity.client.core import ClientGroup
from scarcity.client.table import Rows
from scarcity.client.versions import Version
from scarcity.events.domain_profile import Column, DomainProfile, PrivacyMode
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, SLOPES_PER_INSIGHT
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z
from scarcity.learning.settings import LearningSettings
from scarcity.simulation.attacks.reconstruction import Guess, Knowledge, Published, Reconstruction
from scarcity.simulation.chance import generator

DOMAIN = "clinic"
ONE_EXPERT = (4,)


@dataclass(frozen=True)
class Victim:
    """A client, the truth about it, and what the server received.

    Attributes:
        rows: float64 [n, p + 1], standardised; the target is the last column.
        published: its insights, with the parameters they started from.
        spent, limit: of its privacy budget; None: no limit.
    """

    rows: Tensor
    published: list[Published]
    knowledge: Knowledge
    spent: int
    limit: int | None

    @property
    def mean_guess_error(self) -> float:
        """Error of guessing every column's mean, which is 0; standard deviations."""
        return float(self.rows.square().mean().sqrt())

    def attack(
        self,
        *,
        experts: tuple[int, ...],
        only_slopes_and_loss: bool,
        starts: int = 12,
        iterations: int = 40,
        noise: float = 1e-4,
    ) -> Guess:
        """Attack with the figures of some experts; see :class:`Knowledge`.

        From a client that was silent nothing is better than every column's mean, 0.
        """
        if not self.published:
            return Guess(torch.zeros_like(self.rows), 0.0, 0)
        knowledge = replace(
            self.knowledge,
            experts=experts,
            only_slopes_and_loss=only_slopes_and_loss,
            noise=noise,
        )
        attack = Reconstruction(knowledge, self.published)
        return attack.guess(starts=starts, iterations=iterations, seed=0)


def make_victim(
    seed: int,
    *,
    privacy: PrivacyMode,
    rows: int = 4,
    inputs: int = 6,
    support_rows: int = 2,
    rounds: int = 8,
    experts: tuple[int, ...] = (),
    slopes_per_expert: int = SLOPES_PER_INSIGHT,
) -> Victim:
    """A client that takes part in some rounds, while the parameters move as in training.

    Args:
        experts, slopes_per_expert: as in the domain's profile.
    """
    dice = generator(seed, "victim")
    x = dice.standard_normal((rows, inputs))
    y = x @ dice.standard_normal(inputs) / inputs**0.5 + 0.3 * dice.standard_normal(rows)
    profile = DomainProfile(
        domain=DOMAIN,
        family=DOMAIN,
        features=tuple(Column(f"x{i}", 0.0, 1.0) for i in range(inputs)),
        target=Column("y", 0.0, 1.0),
        privacy=privacy,
        support_rows=support_rows,
        experts=experts,
        slopes_per_expert=slopes_per_expert,
    )
    client = ClientGroup(profile, {"victim": Rows(x, y)})
    client.join(0, {})
    published: list[Published] = []
    previous: Version | None = None
    z = torch.from_numpy(default_z(inputs))
    z[:, :FEATURE_COUNT] += 0.1 * torch.from_numpy(
        dice.standard_normal((EXPERT_COUNT, FEATURE_COUNT))
    )
    unheard = torch.full((EXPERT_COUNT,), float("nan"), dtype=torch.float64)
    for number in range(rounds):
        current = Version(DOMAIN, number, z, unheard)
        for insight in client.train(["victim"], current, previous).insights:
            before = None if previous is None else previous.z
            published.append(Published(insight, current.z, before))
        previous = current
        # Adam moves every entry by about its rate.
        moves = np.sign(dice.standard_normal(z.shape)) * LearningSettings().rate
        z = z + torch.from_numpy(moves)
    budget = client.budgets["victim"]
    maps = feature_maps(profile.map_seed, inputs)
    knowledge = Knowledge(maps, rows, support_rows, profile.slope_clip, experts=ONE_EXPERT)
    truth = torch.from_numpy(np.column_stack([x, y]))
    return Victim(truth, published, knowledge, budget.spent, budget.limit)
