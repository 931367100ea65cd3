"""Ten fixed feature maps a domain: what an expert sees of a row.

phi_e(x) = [1, x / sqrt(p), sqrt(2 / r) cos(W_e x + b_e)] with r = 63 - p random Fourier features
(Rahimi and Recht 2007, NeurIPS, algorithm 1). The experts differ in their length scale; the last
is linear. The maps come from a public seed, so every client of a family has the same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isinf, pi, sqrt
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT
from scarcity.learning.length_scales import LENGTH_SCALES
from scarcity.learning.public_draws import draw_uniforms


@dataclass(frozen=True)
class FeatureMaps:
    """The maps of all experts.

    Attributes:
        frequencies: W_e, columns are features; float64 [E, p, r]; zero for the linear expert.
        phases: b_e; float64 [E, r].
        amplitudes: sqrt(2 / r), and 0 for the linear expert; float64 [E, 1, 1].
    """

    frequencies: Tensor
    phases: Tensor
    amplitudes: Tensor

    @property
    def inputs(self) -> int:
        """Number of input columns p."""
        return int(self.frequencies.shape[1])

    def only(self, experts: Sequence[int]) -> "FeatureMaps":
        """The maps of some experts, by number."""
        chosen = list(experts)
        return FeatureMaps(self.frequencies[chosen], self.phases[chosen], self.amplitudes[chosen])

    def apply(self, x: Tensor) -> Tensor:
        """Features of standardised rows.

        Args:
            x: float64 [..., n, p].

        Returns:
            float64 [..., E, n, 64].

        Raises:
            ValueError: the rows do not have p columns.
        """
        if x.shape[-1] != self.inputs:
            raise ValueError(f"rows have {x.shape[-1]} columns; the maps want {self.inputs}")
        x = x.unsqueeze(-3)
        waves = torch.cos(x @ self.frequencies + self.phases.unsqueeze(-2)) * self.amplitudes
        linear = (x / sqrt(self.inputs)).expand(*waves.shape[:-1], self.inputs)
        return torch.cat([torch.ones_like(waves[..., :1]), linear, waves], dim=-1)


@lru_cache(maxsize=64)
def feature_maps(seed: str, inputs: int) -> FeatureMaps:
    """Draw the maps of a family.

    Args:
        seed: public seed of the family (``DomainProfile.map_seed``).
        inputs: number of input columns p, 1 to 62.

    Raises:
        ValueError: ``inputs`` leaves no room for random features.

    >>> feature_maps("retail", 3).apply(torch.zeros(5, 3, dtype=torch.float64)).shape
    torch.Size([10, 5, 64])
    """
    waves = FEATURE_COUNT - 1 - inputs
    if inputs < 1 or waves < 1:
        raise ValueError(f"{inputs} inputs; 1 to {FEATURE_COUNT - 2} are possible")
    frequencies = np.zeros((EXPERT_COUNT, inputs, waves))
    phases = np.zeros((EXPERT_COUNT, waves))
    amplitudes = np.zeros((EXPERT_COUNT, 1, 1))
    inverse_normal = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    for expert, scale in enumerate(LENGTH_SCALES):
        if isinf(scale):
            continue
        uniforms = draw_uniforms("frequencies", seed, inputs, expert, count=inputs * waves)
        frequencies[expert] = inverse_normal(uniforms).reshape(inputs, waves) / scale
        phases[expert] = 2 * pi * draw_uniforms("phases", seed, inputs, expert, count=waves)
        amplitudes[expert] = sqrt(2 / waves)
    return FeatureMaps(*map(torch.from_numpy, (frequencies, phases, amplitudes)))
