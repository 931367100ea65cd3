"""Small domains for the tests of the client: profiles, rows and versions."""

import numpy as np

from scarcity.client.table import Rows
from scarcity.client.versions import Version, parameters_event
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.initial import default_z

FEATURES = ("a", "b")


def profile(domain: str = "retail", *, privacy: str = "open", **changes: object) -> DomainProfile:
    """A domain of two standardised features."""
    fields = {
        "domain": domain,
        "family": domain,
        "features": tuple(Column(n, 0.0, 1.0) for n in FEATURES),
        "target": Column("y", 0.0, 1.0),
        "support_rows": 4,
        "privacy": privacy,
    }
    return DomainProfile(**{**fields, **changes})  # type: ignore[arg-type]


def rows(seed: int, count: int = 12, *, slope: float = 1.0) -> Rows:
    """Rows of y = slope * a - b + noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 2))
    return Rows(x, slope * x[:, 0] - x[:, 1] + 0.1 * draw.normal(size=count))


def clients(count: int, *, rows_each: int = 12) -> dict[str, Rows]:
    """Named clients c0, c1, ..."""
    return {f"c{i}": rows(i, rows_each) for i in range(count)}


def version(number: int = 0, domain: str = "retail", *, shift: float = 0.0) -> Version:
    """A version whose z is the default plus ``shift``."""
    losses = np.full(EXPERT_COUNT, np.nan)
    event = parameters_event(domain, domain, number, default_z(2) + shift, losses)
    return Version.of(event)
