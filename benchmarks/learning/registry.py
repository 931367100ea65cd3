"""All tables of the learning, in the order of docs/results.md."""

from benchmarks.learning import domains, panels, poisoning, privacy, sinusoid
from benchmarks.tables import Table

TABLES: tuple[Table, ...] = (
    sinusoid.TABLE,
    panels.TABLE,
    panels.LONG,
    panels.DEALS_OF_TECHNOLOGY,
    domains.TABLE,
    poisoning.TABLE,
    privacy.RECONSTRUCTION,
    privacy.MEMBERSHIP,
    privacy.NOISED,
    privacy.UPLINK,
)
