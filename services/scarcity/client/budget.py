"""What a client may publish of its rows: the limit that each client enforces for itself.

Enough published numbers give back the rows: 8 rounds of 8 slopes and a loss gave back 4 rows of 6
columns exactly. So in mode `budget` a client publishes at most a quarter of the numbers it holds:
when slopes or a prior for peers would pass that, losses alone; when these would, nothing, and it
says so. Losses must stop too: those of four experts over 8 rounds gave back the same rows
(tests/privacy). How the count outlives the process:
docs/decisions/0006-client-state-lives-in-the-log.md.
"""

from dataclasses import dataclass, replace

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile, PrivacyMode
from scarcity.events.errors import ServiceError

LEASES = 20  # a restart loses at most this share of the limit


def check_change(before: DomainProfile, now: DomainProfile) -> None:
    """Refuse a newer profile that a running client cannot go on with.

    Raises:
        ServiceError: other columns, other rules of mode `dp`, or a change to or from `secagg`.
    """
    if [c.name for c in now.columns] != [c.name for c in before.columns]:
        raise ServiceError(f"domain {now.domain!r} has other columns now: restart this client")
    changed = "rules of privacy mode dp" if now.dp != before.dp else ""
    if (now.privacy == "secagg") != (before.privacy == "secagg"):
        changed = f"privacy, {now.privacy} in place of {before.privacy},"
    if changed:
        raise ServiceError(
            f"domain {now.domain!r} has other {changed} now: nothing more is published; restart "
            "this client"
        )


def check_rejoin(
    client: str, domain: str, mode: PrivacyMode, before: ClientRegistered | None
) -> None:
    """Refuse a client that joined in mode `dp` or `secagg` and would now go on in another.

    Raises:
        ServiceError: it would.
    """
    if before is not None and before.privacy in ("dp", "secagg") and mode != before.privacy:
        raise ServiceError(
            f"client {client!r} joined {domain!r} in privacy mode {before.privacy}, and the domain "
            f"now asks for {mode}: give the changed domain a new name"
        )


@dataclass(frozen=True)
class Budget:
    """Numbers a client has published, against its limit; a value, each change gives a new one.

    Attributes:
        limit: numbers it may publish; None: no limit (mode `open`; in mode `dp` rounds are
            counted, client/noising.py; in mode `secagg` no number of it is published).
        spent: numbers published, or given up because a restart forgot how many they were.
        leased: upper bound of ``spent`` that the log already holds. Nothing above it may be
            published, so that a process that dies cannot forget what it has published.

    >>> budget = Budget.of(rows=100, columns=3, mode="budget")
    >>> budget.limit
    100
    >>> budget.allows(90), budget.allows(101)
    (True, False)
    """

    limit: int | None
    spent: int = 0
    leased: int = 0

    @classmethod
    def of(cls, *, rows: int, columns: int, mode: PrivacyMode, leased: int = 0) -> "Budget":
        """Budget of a client with ``rows`` rows of ``columns`` features and a target.

        Args:
            leased: what earlier processes have leased, from the client's own registration; all
                of it counts as spent.
        """
        if mode != "budget":
            return cls(None, leased, leased)
        return cls(rows * (columns + 1) // 4, leased, leased)

    def allows(self, scalars: int) -> bool:
        """Whether ``scalars`` more numbers stay within the limit."""
        return self.limit is None or self.spent + scalars <= self.limit

    def needs_lease(self, scalars: int) -> bool:
        """Whether the log must hold a higher lease before ``scalars`` more are published."""
        return self.limit is not None and self.spent + scalars > self.leased

    def with_lease(self, scalars: int) -> "Budget":
        """Lease a share of the limit that holds ``scalars`` more; call only when allowed."""
        if self.limit is None:
            return self
        share = max(scalars, self.limit // LEASES)
        return replace(self, leased=min(self.limit, self.spent + share))

    def spend(self, scalars: int) -> "Budget":
        """Count ``scalars`` published numbers."""
        return Budget(self.limit, self.spent + scalars, self.leased)
