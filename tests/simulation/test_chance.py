"""Draws have the means that they are asked for."""

import numpy as np
import pytest

from scarcity.simulation.chance import draw_delay, draw_staleness, generator
from scarcity.simulation.scenario import Delay, Staleness

DRAWS = 20_000


@pytest.mark.parametrize("kind", ["constant", "uniform", "exponential", "lognormal"])
def test_a_delay_has_its_mean(kind: str) -> None:
    chance = generator(0, "test", kind)
    mean = np.mean([draw_delay(Delay(kind, mean_s=3.0), chance) for _ in range(DRAWS)])
    # Standard errors: at most 3 / sqrt(20 000) = .021 (exponential); five of them.
    assert mean == pytest.approx(3.0, abs=0.11)


@pytest.mark.parametrize("kind", ["fixed", "uniform", "geometric"])
def test_staleness_has_its_mean(kind: str) -> None:
    chance = generator(0, "test", kind)
    mean = np.mean([draw_staleness(Staleness(kind, mean=4.0), chance) for _ in range(DRAWS)])
    # Geometric: standard deviation sqrt(4 * 5) = 4.5, standard error .032; five of them.
    assert mean == pytest.approx(4.0, abs=0.16)


def test_no_staleness_draws_nothing() -> None:
    assert draw_staleness(Staleness(), generator(0, "x")) == 0
