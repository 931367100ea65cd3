"""Draws of a simulation; each purpose has its own generator, so that none shifts another."""

import zlib
from math import log

import numpy as np

from scarcity.simulation.scenario import Delay, Staleness


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """A generator for a purpose.

    >>> bool(generator(1, "a").integers(10**9) == generator(1, "b").integers(10**9))
    False
    """
    return np.random.default_rng([seed, *(zlib.crc32(part.encode()) for part in purpose)])


def draw_delay(delay: Delay, chance: np.random.Generator) -> float:
    """A time in seconds with the mean that ``delay`` names."""
    if delay.kind == "constant" or delay.mean_s == 0:
        return delay.mean_s
    if delay.kind == "uniform":
        return float(chance.uniform(0, 2 * delay.mean_s))
    if delay.kind == "exponential":
        return float(chance.exponential(delay.mean_s))
    center = log(delay.mean_s) - delay.spread**2 / 2
    return float(chance.lognormal(center, delay.spread))


def draw_staleness(staleness: Staleness, chance: np.random.Generator) -> int:
    """Versions behind the newest, with the mean that ``staleness`` names."""
    if staleness.kind == "none" or staleness.mean == 0:
        return 0
    if staleness.kind == "fixed":
        return round(staleness.mean)
    if staleness.kind == "uniform":
        return int(chance.integers(0, round(2 * staleness.mean) + 1))
    return int(chance.geometric(1 / (1 + staleness.mean))) - 1
