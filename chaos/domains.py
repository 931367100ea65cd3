"""The domains of a run and the rows of its clients; the same in every process that asks."""

from typing import Final

import numpy as np

from scarcity.client.table import Rows
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.ledger_entry import RoundPolicy

DOMAINS: Final = ("orchards", "vineyards")
_FEATURES: Final = ("rain", "sun", "soil")
_ROWS: Final = 24

# One client suffices and the deadline is near, so that nothing stays pending at the end.
_POLICIES: Final = {
    "orchards": RoundPolicy(min_clients=1, quorum=0.3, deadline_s=1.0, active_s=20.0),
    "vineyards": RoundPolicy(mode="async", min_clients=1, buffer=60, deadline_s=1.0),
}


def profile_of(domain: str) -> DomainProfile:
    """Declared scaling, public data; both domains are of one family, so that they share z0."""
    return DomainProfile(
        domain=domain,
        family="plants",
        features=tuple(Column(name, 0.0, 1.0) for name in _FEATURES),
        target=Column("yield", 0.0, 1.0),
        privacy="open",
        policy=_POLICIES[domain],
    )


def client_rows(domain: str, host: int, clients: int) -> dict[str, Rows]:
    """Rows of a host's clients by name: a linear law of the domain, bent for each client."""
    rows = {}
    for number in range(clients):
        draw = np.random.default_rng([DOMAINS.index(domain), host, number])
        x = draw.normal(size=(_ROWS, len(_FEATURES)))
        law = np.array([0.6, -0.3, 0.2]) + 0.2 * draw.normal(size=len(_FEATURES))
        rows[f"{domain}-{host}-{number}"] = Rows(x, x @ law + 0.1 * draw.normal(size=_ROWS))
    return rows
