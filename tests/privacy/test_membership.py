"""Can one tell who took part from the published parameters?"""

from statistics import fmean

import pytest
import torch

from scarcity.learning.client_step import Draw, RowBatch, query_gradient, split_rows
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z
from scarcity.simulation.attacks.membership import area_under_curve, membership_scores
from scarcity.simulation.populations import Population, populate
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import DomainScenario, Evaluate, Scenario, Sinusoid


def scenario(*, clients: int, versions: int = 1, seed: int = 0, noise: float = 0.0) -> Scenario:
    """A domain of sinusoids with its default settings, and 300 entities that never take part."""
    data = Sinusoid(clients=clients, rows=10, noise=noise, new_clients=300, new_rows=10)
    domain = DomainScenario("waves", data)
    return Scenario("membership", (domain,), seed, versions, evaluate=Evaluate(10_000))


def auc(people: Population, z: torch.Tensor) -> float:
    """Of the attack."""
    return area_under_curve(
        *(
            membership_scores(people.profile, z.numpy(), entities)
            for entities in (people.training, people.new)
        )
    )


def test_members_of_a_domain_of_usual_size_cannot_be_told() -> None:
    found = []
    for seed in range(3):
        chosen = scenario(clients=150, versions=50, seed=seed)
        z = torch.from_numpy(run(chosen).parameters["waves"])
        found.append(auc(populate(chosen, chosen.domains[0]), z))
    # Without any leak one run's standard error around one half is .03, that of three .02.
    assert fmean(found) <= 0.55, found


def test_the_attack_finds_members_that_were_learned_by_heart() -> None:
    # The control: exact gradients of four clients, whose rows are mostly noise, are followed to
    # the end: what is learned of noise is of use to its owner alone.
    chosen = scenario(clients=4, noise=5.0)
    people = populate(chosen, chosen.domains[0])
    rows = [r.standardised(people.profile) for r in people.training.values()]
    batch = RowBatch.of(
        feature_maps(people.profile.map_seed, 1),
        [(torch.from_numpy(r.x), torch.from_numpy(r.y)) for r in rows],
    )
    z = torch.from_numpy(default_z(1)).requires_grad_()
    adam = torch.optim.Adam([z], lr=0.05)
    for number in range(160):
        draws = [Draw(name, number % 20) for name in people.training]
        with torch.no_grad():
            split = split_rows(batch, draws, people.profile.support_rows)
            _, gradients = query_gradient(split, z)
            z.grad = gradients.mean(0)
        adam.step()
    assert auc(people, z.detach()) >= 0.7


def test_scores_that_mean_nothing_give_one_half() -> None:
    assert area_under_curve([1.0, 1.0], [1.0]) == 0.5
    assert area_under_curve([0.0, 2.0], [1.0]) == pytest.approx(0.5)
