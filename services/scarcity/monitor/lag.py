"""Which of the services' distances to the end say something."""

from collections.abc import Mapping
from typing import Final

from scarcity.monitor.metrics import Groups

# Meta joins this group to learn which worker is the active writer; it reads nothing by it, so that
# the distance to the end says nothing.
HELD_NOT_READ: Final = frozenset({("scarcity-meta", "ledger")})


def groups_of(
    lag: Mapping[tuple[str, str], int], members: Mapping[str, int], read_at_ms: int
) -> Groups:
    """A reading of the broker's groups without the distances that say nothing."""
    told = {key: behind for key, behind in lag.items() if key not in HELD_NOT_READ}
    return Groups(told, members, read_at_ms)


def groups_line(groups: Groups) -> str:
    """One line for a terminal.

    >>> groups_line(Groups({("scarcity-gossip", "clients"): 2}, {"scarcity-gossip": 1}))
    'workers: gossip 1 · 2 records behind in clients (gossip)'
    """
    workers = ", ".join(f"{short(name)} {count}" for name, count in sorted(groups.members.items()))
    behind = [
        f"{count} records behind in {topic} ({short(group)})"
        for (group, topic), count in sorted(groups.lag.items())
        if count
    ]
    return " · ".join([f"workers: {workers or 'none seen'}", *(behind or ["no lag"])])


def short(group: str) -> str:
    """A group's service.

    >>> short("scarcity-memory-fold")
    'memory'
    """
    return group.removeprefix("scarcity-").removesuffix("-fold")
