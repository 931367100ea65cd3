import pytest
import torch

from scarcity.learning.routing import routing_weights


def test_weights_are_a_softmax_over_mixed_losses() -> None:
    local = torch.tensor([[1.0, 2.0, 9.0]], dtype=torch.float64)
    domain = torch.tensor([2.0, 1.0, 9.0], dtype=torch.float64)
    weights = routing_weights(local, domain)
    # L = .3 local + .7 domain = [1.7, 1.3, 9]; median 1.7; the odds are exp(.4 / (.2 * 1.7)).
    odds = torch.exp(torch.tensor(0.4 / 0.34, dtype=torch.float64))
    assert float(weights[0, 1] / weights[0, 0]) == pytest.approx(float(odds))
    assert float(weights.sum()) == pytest.approx(1.0)


def test_experts_that_the_domain_has_not_heard_are_judged_locally() -> None:
    local = torch.tensor([1.0, 2.0], dtype=torch.float64)
    unheard = torch.full((2,), torch.nan, dtype=torch.float64)
    assert torch.equal(routing_weights(local, unheard), routing_weights(local, local))


def test_a_ruined_expert_does_not_level_the_others() -> None:
    losses = torch.tensor([1.0, 1.2, 1.4], dtype=torch.float64)
    ruined = torch.tensor([1.0, 1.2, 1.4, 1e6], dtype=torch.float64)
    before, after = routing_weights(losses, losses), routing_weights(ruined, ruined)
    assert torch.allclose(after[:3], before, atol=0.02)
    assert float(after[3]) == 0.0


def test_a_perfect_fit_does_not_divide_by_zero() -> None:
    zeros = torch.zeros(4, dtype=torch.float64)
    assert routing_weights(zeros, zeros).tolist() == [0.25] * 4
