"""A look at a domain that sums securely: announcements, and a version when a sum is there."""

from collections.abc import Collection, Mapping

from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.online_maml import FamilyState
from scarcity.meta.closing import Closed, Others, RoundCloser
from scarcity.meta.domain_rounds import DomainRounds
from scarcity.meta.publishing import Chain, Publication
from scarcity.meta.secure_rounds import Progress, describe_notice, round_record
from scarcity.secagg.notice import TURNED_OFF


def advance_sum(
    closer: RoundCloser,
    domain: DomainRounds,
    profile: DomainProfile,
    families: Mapping[str, FamilyState],
    chain: Chain,
    out: Collection[str],
    now_ms: int,
    others: Others | None,
) -> tuple[Publication | None, Closed | None]:
    """Move the domain's round on; arguments as of :meth:`RoundCloser.close`.

    Args:
        out: clients that left or do not count.
    """
    begins = not domain.sums.has_begun
    progress = _look(domain, profile, out, now_ms)
    records = [round_record(notice, now_ms) for notice in progress.notices]
    if progress.due is None:
        if not records:
            return None, None
        about = "; ".join(map(describe_notice, progress.notices))
        about = f"privacy mode secagg: {TURNED_OFF}; {about}" if begins else about
        return Publication(domain.name, tuple(records), about=about), None
    closed = closer.close_sum(domain, profile, families, chain, progress.due, now_ms, others)
    # At once, so that members need not wait for the next look.
    progress = _look(domain, profile, out, now_ms)
    records += [round_record(notice, now_ms) for notice in progress.notices]
    return Publication(domain.name, (*closed.records, *records), closed.entry), closed


def _look(
    domain: DomainRounds, profile: DomainProfile, out: Collection[str], now_ms: int
) -> Progress:
    assert domain.state is not None  # version 0 sums nothing
    progress = domain.sums.advance(profile, domain.state.version, out, now_ms)
    domain.wait = progress.wait
    return progress
