"""One entry of the ledger made again, what makes it lost, and which entries stand on which."""

from collections.abc import Sequence
from dataclasses import dataclass

from scarcity.audit.chain import Link
from scarcity.audit.inputs import hear
from scarcity.events.errors import EventError, ServiceError
from scarcity.events.standing import Mark
from scarcity.events.types import Record
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import Version


@dataclass(frozen=True)
class Step:
    """One entry of the ledger, made again.

    Attributes:
        engine: of the rules that the entry names; None when they are not known.
        heard: the insights used; empty for version 0, and when they cannot be had back.
        canonical: their canonical JSON; empty in a refold.
        before, family_before: states it started from; None for version 0 and for what is lost.
        version: None when it cannot be made again; ``lost`` says why.
        marks: those that the check makes; of a refold, none.
        wrong: what a checkpoint or a repair holds and the log does not bear out.
        fault: ``lost`` is nobody's retention: a record is missing or holds no insight, or no start
            has the version's hash.
    """

    link: Link
    engine: OnlineMAMLEngine | None
    heard: Sequence[Heard] = ()
    canonical: Sequence[bytes] = ()
    before: DomainState | None = None
    family_before: FamilyState | None = None
    version: Version | None = None
    lost: str = ""
    fault: bool = False
    marks: tuple[Mark, ...] = ()
    wrong: tuple[str, ...] = ()


def cannot_make(name: str, lost: str) -> ServiceError:
    """The error of a command that needs a version which is lost."""
    return ServiceError(
        f"{name} cannot be made again: {lost}; use a bundle that was exported while it could"
    )


class LostError(Exception):
    """A version cannot be made again; ``fault``: it should have been possible."""

    def __init__(self, reason: str, *, fault: bool = False) -> None:
        super().__init__(reason)
        self.fault = fault


def hear_again(record: Record) -> Heard:
    """An insight as the meta-learner heard it.

    Raises:
        LostError: the record holds none.
    """
    try:
        return hear(record)
    except EventError as error:
        raise LostError(
            f"{record.position} holds no insight of its own: {error}", fault=True
        ) from None


def needed(links: Sequence[Link], domains: set[str], last: int) -> list[Link]:
    """Entries without which the versions of some domains cannot be made again.

    Args:
        domains: those that are asked for.
        last: index of the last entry that is asked for.

    Returns:
        Entries of their families up to there, and of the other families as far as a domain's start
        looked at them; in the order of the ledger.
    """
    until = {link.entry.family: last + 1 for link in links if link.entry.domain in domains}
    # From the end to the beginning: a start needs only what lies before it.
    for at in range(min(last, len(links) - 1), -1, -1):
        entry = links[at].entry
        if entry.version == 0 and at < until.get(entry.family, 0):
            for other in {link.entry.family for link in links[:at]}:
                until[other] = max(at, until.get(other, 0))
    return [link for at, link in enumerate(links) if at < until.get(link.entry.family, 0)]
