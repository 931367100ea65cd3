"""The starting point every client of a domain adapts from."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload


class MetaParameters(msgspec.Struct, omit_defaults=True):
    """Topic `meta-parameters`, key domain, msgpack, compacted.

    Attributes:
        version: rises by one a round; 0 is the start, before any insight was used.
        w_init: theta; float64 [experts, 64].
        alpha: log lambda, per-weight learning rates or prior variances; float64 [experts, 64].
        log_sigma2: log noise variance; float64 [experts].
        domain_losses: typical query loss of each expert over the clients of recent rounds, float64
            [experts]; NaN before any was heard. Clients mix it with their own for routing.
        start_losses: the same under the default start, as the first round's clients told it; by it
            clients judge what the domain has learned (learning/own_start.py). None: not known.
        candidates: starting points a new domain tries, z as float64 [experts, 129] by name; the
            clients report `candidate_losses` while this is present.
        ledger_hash: hex SHA-256 of the ledger entry of this version; version 0 has one too.
        newest_source_ms: newest record timestamp among the insights used; for latency figures.
    """

    domain: str
    version: int
    family: str
    w_init: TensorPayload
    alpha: TensorPayload
    log_sigma2: TensorPayload
    domain_losses: TensorPayload
    candidates: dict[str, TensorPayload] | None = None
    ledger_hash: str = ""
    newest_source_ms: int = 0
    start_losses: TensorPayload | None = None
    schema_version: str = SCHEMA_VERSION
