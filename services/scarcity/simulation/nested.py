"""Clients in groups in one population: the multilevel model, with functions for its effects.

    y = F(x) + G_g(x) + C_i(x) + noise

F is the population's function, G_g what group g adds, C_i what client i of it adds. Each is a draw
of a Gaussian process with mean 0 and one length scale, by 256 random Fourier features of its own
(not those of the experts). A group is a domain, or all groups are one: the rows are the same.

Source: Gelman and Hill (2007), chapter 12, for the levels; Rahimi and Recht (2007), NeurIPS,
algorithm 1, for the draws.
"""

from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from scarcity.client.table import Rows
from scarcity.simulation.chance import generator
from scarcity.simulation.scenario import Nested

Array = npt.NDArray[np.float64]

WAVES = 256


class _Functions:
    """Draws of a Gaussian process; ``many`` at once, all of standard deviation ``spread``."""

    def __init__(
        self, chance: np.random.Generator, many: int, *, inputs: int, scale: float, spread: float
    ) -> None:
        self._frequencies = chance.standard_normal((inputs, WAVES)) / scale
        self._phases = chance.uniform(0, 2 * pi, WAVES)
        self._weights = chance.standard_normal((many, WAVES)) * spread * sqrt(2 / WAVES)

    def __call__(self, x: Array) -> Array:
        """Values of the one function, or of the i-th at x[i]; x float64 [many, n, inputs]."""
        waves = np.cos(x @ self._frequencies + self._phases)
        values: Array = (waves * self._weights[:, None, :]).sum(-1)
        return values


def draw_nested(data: Nested, seed: int) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """Rows of the clients that take part, and of those that never do, by name.

    A group's rows depend on the seed and the group's number, and not on which groups are asked for.

    >>> one = draw_nested(Nested(groups=(3, 5), group=1, new_clients=2), seed=0)[0]
    >>> every = draw_nested(Nested(groups=(3, 5), new_clients=2), seed=0)[0]
    >>> len(one), len(every), bool((one["g1-0004"].y == every["g1-0004"].y).all())
    (5, 8, True)
    """
    population = _functions(data, generator(seed, "nested", f"{data.draw}"), 1, data.population_sd)
    training: dict[str, Rows] = {}
    new: dict[str, Rows] = {}
    for number in range(len(data.groups)) if data.group is None else [data.group]:
        chance = generator(seed, "nested", f"{data.draw}", f"{number}")
        group = _functions(data, chance, 1, data.group_sd)
        for people, clients, rows, stem in (
            (training, data.groups[number], data.rows, f"g{number}"),
            (new, data.new_clients, data.new_rows, f"g{number}-new"),
        ):
            own = _functions(data, chance, clients, data.client_sd)
            x = chance.standard_normal((clients, rows, data.inputs))
            y = population(x) + group(x) + own(x)
            y = y + data.noise * chance.standard_normal(y.shape)
            people |= {f"{stem}-{i:04d}": Rows(x[i], y[i]) for i in range(clients)}
    return training, new


def _functions(data: Nested, chance: np.random.Generator, many: int, spread: float) -> _Functions:
    return _Functions(chance, many, inputs=data.inputs, scale=data.length_scale, spread=spread)
