"""When a domain's round closes. Pure: what is known and the time come in as values.

A round that waits says for what, so that nobody has to guess why a domain stands still.
"""

from dataclasses import dataclass
from math import ceil

from scarcity.events.ledger_entry import RoundPolicy


@dataclass(frozen=True)
class RoundView:
    """What is known of a domain's open round.

    Attributes:
        fresh: clients with an insight that no version has used.
        active: clients whose last insight is at most ``policy.active_s`` old.
        opened_ms: record timestamp of the round's first insight; None while there is none.
    """

    fresh: int
    active: int
    opened_ms: int | None


@dataclass(frozen=True)
class Wait:
    """The round stays open.

    Attributes:
        reason: one clause, for people.
        stalled: time alone will not end this wait; somebody has to do something.
        until_ms: when time alone closes it; None when it never does.
    """

    reason: str
    stalled: bool = False
    until_ms: int | None = None


@dataclass(frozen=True)
class Close:
    """The round closes now; ``by`` is `quorum`, `deadline` or `buffer`."""

    by: str


def decide(policy: RoundPolicy, view: RoundView, now_ms: int) -> Wait | Close:
    """Whether a round closes, and why or why not.

    Every mode ends at the deadline: a domain with fewer clients than its buffer would otherwise
    never learn. Mode `deadline` ends there and not before.

    >>> decide(RoundPolicy(min_clients=2), RoundView(fresh=2, active=4, opened_ms=0), 5)
    Close(by='quorum')
    >>> decide(RoundPolicy(min_clients=2), RoundView(fresh=1, active=1, opened_ms=0), 5).reason
    'waits for clients: 1 of at least 2'
    """
    if view.fresh < policy.min_clients or view.opened_ms is None:
        reason = f"waits for clients: {view.fresh} of at least {policy.min_clients}"
        return Wait(reason, stalled=True)
    until_ms = view.opened_ms + ceil(1000 * policy.deadline_s)
    if policy.mode == "deadline":
        collects = f"collects until its deadline: {view.fresh} clients"
    else:
        needed, by = _needed(policy, view.active)
        if view.fresh >= needed:
            return Close(by)
        collects = f"collects: {view.fresh} of {needed} clients ({by})"
    if now_ms >= until_ms:
        return Close("deadline")
    return Wait(collects, until_ms=until_ms)


def _needed(policy: RoundPolicy, active: int) -> tuple[int, str]:
    if policy.mode == "async":
        return max(policy.min_clients, policy.buffer), "buffer"
    # 0.07 * 100 is 7.000000000000001: without the margin a quorum of 7 clients would need 8.
    return max(policy.min_clients, ceil(policy.quorum * active - 1e-9)), "quorum"
