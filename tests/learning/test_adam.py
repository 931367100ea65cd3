import numpy as np
import torch

from scarcity.learning.adam import Adam

GRADIENTS = np.random.default_rng(0).normal(size=(30, 5))
RATES = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def test_it_steps_as_torch_s_adam_does() -> None:
    parameter = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([parameter], lr=0.01)
    mine, adam = np.zeros(5), Adam.zeros((5,))
    for gradient in GRADIENTS:
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step()
        adam, direction = adam.update(gradient, **RATES)
        mine -= 0.01 * direction
    assert np.allclose(mine, parameter.detach().numpy(), atol=1e-12)


def test_without_momentum_the_next_step_follows_the_next_gradient() -> None:
    adam = Adam.zeros((5,))
    for gradient in GRADIENTS:
        adam, _ = adam.update(gradient, **RATES)
    _, direction = adam.without_momentum().update(-np.ones(5), **RATES)
    assert (direction < 0).all()
