"""All tables of the learning, in the order of docs/results.md."""

from benchmarks.learning import (
    domains,
    gossip,
    noised,
    panels,
    poisoning,
    privacy,
    sinusoid,
    stream,
)
from benchmarks.tables import Table

TABLES: tuple[Table, ...] = (
    sinusoid.TABLE,
    panels.TABLE,
    panels.LONG,
    panels.DEALS_OF_TECHNOLOGY,
    domains.TABLE,
    stream.PREQUENTIAL,
    stream.STALENESS,
    stream.DRIFT,
    stream.STRAGGLERS,
    gossip.TABLE,
    poisoning.TABLE,
    privacy.RECONSTRUCTION,
    privacy.MEMBERSHIP,
    noised.TABLE,
    privacy.UPLINK,
)
