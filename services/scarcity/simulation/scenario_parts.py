"""What several parts of a scenario are made of."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
Range = tuple[float, float]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all parts of a scenario."""


class Delay(Strict, frozen=True):
    """A random time. ``spread``: of lognormal, the standard deviation of its logarithm."""

    kind: Literal["constant", "uniform", "exponential", "lognormal"] = "lognormal"
    mean_s: Seconds = 1.0
    spread: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.5
