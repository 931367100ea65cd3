"""How a domain went and how it would have gone without some clients, version by version."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from scarcity.audit.chain import read_chain
from scarcity.audit.counterfactual import check_clients
from scarcity.audit.explanation import norm
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import check_known
from scarcity.audit.steps import cannot_make, needed
from scarcity.audit.taken_out import TakenOut
from scarcity.learning.online_maml import DomainState


@dataclass(frozen=True)
class CurvePoint:
    """A version, both ways.

    Attributes:
        recorded, altered: mean over experts of the running losses that clients route by, with and
            without the clients; None before any was heard. The reports stay what they were: see
            audit/counterfactual.py.
        apart: norm of the difference of z; ``size``: norm of the recorded z.
        heard: whether one of the clients was heard in it.
    """

    version: int
    recorded: float | None
    altered: float | None
    apart: float
    size: float
    heard: bool


def curves_without(
    log: AuditLog,
    domain: str,
    without: Collection[str],
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> list[CurvePoint]:
    """Make the domain's versions again with and without some clients.

    Raises:
        InputError: the domain has no version, or none of its versions heard a client.
        ServiceError: a version can no longer be made again.
    """
    chain = read_chain(log.ledger, log.head)
    check_known(chain, domain)
    links = needed(chain.links, {domain}, len(chain.links) - 1)
    both = Replay(log, rules, links), Replay(log, rules, links, without=TakenOut.of(without))
    points: list[CurvePoint] = []
    heard_of: set[str] = set()
    for done, link in enumerate(links, 1):
        recorded, altered = (replay.step(link) for replay in both)
        for step in (recorded, altered):
            if step.version is None:
                raise cannot_make(link.name, step.lost)
        if link.entry.domain == domain and recorded.version and altered.version:
            heard = {one.insight.client_id for one in recorded.heard}
            heard_of |= heard
            one, other = recorded.version.domain, altered.version.domain
            points.append(
                CurvePoint(
                    link.entry.version,
                    running_loss(one),
                    running_loss(other),
                    norm(other.z - one.z),
                    norm(one.z),
                    not heard.isdisjoint(without),
                )
            )
        on_step(done, len(links))
    check_clients(without, {domain: heard_of}, domain)
    return points


def running_loss(state: DomainState) -> float | None:
    """Mean over experts of the losses that clients route by; None before any was heard."""
    told = [loss for loss in state.domain_losses.tolist() if loss == loss]  # NaN differs
    return sum(told) / len(told) if told else None
