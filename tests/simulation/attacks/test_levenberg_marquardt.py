"""Least squares from many starts."""

import torch

from scarcity.simulation.attacks.levenberg_marquardt import levenberg_marquardt


def test_a_linear_problem_is_solved_exactly() -> None:
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]], dtype=torch.float64)
    truth = torch.tensor([1.5, -0.5], dtype=torch.float64)
    starts = torch.zeros(3, 2, dtype=torch.float64)
    solved = levenberg_marquardt(lambda x: x @ matrix.T - matrix @ truth, starts, 40)
    assert torch.allclose(solved, truth.expand(3, 2), atol=1e-6)


def test_no_start_ends_worse_than_it_began() -> None:
    def wild(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.sin(20 * x), torch.exp(x.clamp(max=300))], dim=-1)

    starts = torch.linspace(-3, 3, 20, dtype=torch.float64)[:, None]
    solved = levenberg_marquardt(wild, starts, 5)
    before, after = wild(starts).square().sum(-1), wild(solved).square().sum(-1)
    assert bool((after <= before).all())


def test_the_starts_are_left_as_they_were() -> None:
    starts = torch.ones(1, 1, dtype=torch.float64)
    levenberg_marquardt(lambda x: x, starts, 3)
    assert float(starts) == 1.0
