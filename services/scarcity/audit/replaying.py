"""Makes versions again, one after the other, as the meta-learner did: from a ledger's inputs.

What cannot be made again (its insights left the topic, its rules are not known) is lost, and so is
all that stands on it: later versions of its family, which share z0, and starts tried by others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from scarcity import __version__
from scarcity.audit.chain import Link
from scarcity.audit.inputs import InsightIndex, MissingInputError, hear
from scarcity.audit.rules import KnownRules
from scarcity.events.errors import EventError, ServiceError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.types import Record
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import Version, first_version, next_version

MOST_INPUTS = 62  # columns of a profile, events/domain_profile.py


@dataclass(frozen=True)
class Step:
    """One entry of the ledger, made again.

    Attributes:
        engine: of the rules that the entry names; None when they are not known.
        heard: the insights used; empty for version 0, and when they cannot be had back.
        before, family_before: states it started from; None for version 0 and for what is lost.
        version: None when it cannot be made again; ``lost`` says why.
        fault: ``lost`` is nobody's retention: a record is missing or holds no insight, or no start
            has the version's hash.
    """

    link: Link
    engine: OnlineMAMLEngine | None
    heard: Sequence[Heard] = ()
    before: DomainState | None = None
    family_before: FamilyState | None = None
    version: Version | None = None
    lost: str = ""
    fault: bool = False


def cannot_make(name: str, lost: str) -> ServiceError:
    """The error of a command that needs a version which is lost."""
    return ServiceError(
        f"{name} cannot be made again: {lost}; use a bundle that was exported while it could"
    )


class _LostError(Exception):
    def __init__(self, reason: str, *, fault: bool = False) -> None:
        super().__init__(reason)
        self.fault = fault


class Replay:
    """States of all domains and families, moved on entry by entry.

    Args:
        index: the insights.
        rules: learning rules by hash.
        keep: which insights count. A version that would hear none keeps its parameters: its number
            is used up, as later insights name versions by number.
        engine: rules in place of those that the entries name.
    """

    def __init__(
        self,
        index: InsightIndex,
        rules: KnownRules,
        *,
        keep: Callable[[Heard], bool] | None = None,
        engine: OnlineMAMLEngine | None = None,
    ) -> None:
        self.domains: dict[str, DomainState] = {}
        self.families: dict[str, FamilyState] = {}
        self._index = index
        self._rules = rules
        self._keep = keep
        self._engine = engine
        self._lost: dict[str, str] = {}  # by family
        self._newest: dict[str, int] = {}  # by domain

    def engine_of(self, entry: LedgerEntry) -> OnlineMAMLEngine | None:
        """The rules for an entry; None when they are not known."""
        return self._engine or self._rules.engine(entry.settings_hash)

    def step(self, link: Link) -> Step:
        """Make the version of the next entry."""
        entry = link.entry
        engine = self.engine_of(entry)
        heard: list[Heard] = []
        if not link.in_order and entry.version <= self._newest.get(entry.domain, -1):
            # A fork: the entry that came first is the one that the domain went on from.
            return Step(link, engine, lost=f"{link.name} is there already")
        self._newest[entry.domain] = entry.version
        before, family = self.domains.get(entry.domain), self.families.get(entry.family)
        try:
            heard = self._hear(entry)
            version = self._make(link, engine, before, family, heard)
        except _LostError as error:
            self._lose(link, str(error))
            return Step(link, engine, heard, lost=str(error), fault=error.fault)
        self.domains[entry.domain], self.families[entry.family] = version.domain, version.family
        return Step(link, engine, heard, before, family, version)

    def _hear(self, entry: LedgerEntry) -> list[Heard]:
        try:
            records = self._index.used_by(entry)
        except MissingInputError as error:
            # One reason for a run of lost versions: the one that began it.
            began = self._lost.get(entry.family) if error.expired else None
            raise _LostError(began or str(error), fault=not error.expired) from None
        heard = [_hear(record) for record in records]
        return heard if self._keep is None else list(filter(self._keep, heard))

    def _make(
        self,
        link: Link,
        engine: OnlineMAMLEngine | None,
        before: DomainState | None,
        family: FamilyState | None,
        heard: list[Heard],
    ) -> Version:
        entry = link.entry
        if (reason := self._lost.get(entry.family)) is not None:
            raise _LostError(reason)
        if not link.in_order:
            raise _LostError(f"a version of {entry.domain} before {link.name} is missing")
        if engine is None:
            raise _LostError(
                f"{link.name} was made under learning settings {entry.settings_hash[:12]}…, which "
                "are not known here: give them with --settings FILE"
            )
        if entry.version == 0:
            return self._start(entry, engine, family)
        if before is None or family is None:
            raise _LostError(f"the start of {entry.domain} is not there")
        if heard:
            insights = [one.insight for one in heard]
            return next_version(engine, entry.domain, before, family, insights)
        if self._keep is None:
            raise _LostError(f"{link.name} names no insight", fault=True)
        kept = replace(before, version=before.version + 1, previous_z=before.z)
        return Version(kept, family)

    def _start(
        self, entry: LedgerEntry, engine: OnlineMAMLEngine, family: FamilyState | None
    ) -> Version:
        if self._lost:
            raise _LostError(next(iter(self._lost.values())))
        # The ledger does not tell the number of columns: a family's state does, or the one number
        # whose default start has the hash that the entry tells.
        candidates = range(1, MOST_INPUTS + 1) if family is None else [family.inputs]
        for inputs in candidates:
            version = first_version(engine, entry.domain, entry.family, inputs, self.families)
            if family is not None or version.result_hash == entry.result_hash:
                return version
        text = (
            f"{entry.domain}@0 has the hash {entry.result_hash}, which no start of a domain with "
            f"1 to {MOST_INPUTS} columns has in scarcity {__version__}"
        )
        if entry.code_version == __version__:
            raise _LostError(text, fault=True)
        # The default start is part of the code; another version may have had another one.
        made_by = entry.code_version
        raise _LostError(f"{text}: audit with scarcity {made_by}, which made it")

    def _lose(self, link: Link, reason: str) -> None:
        entry = link.entry
        self._lost.setdefault(entry.family, reason)
        self.domains.pop(entry.domain, None)
        self.families.pop(entry.family, None)


def _hear(record: Record) -> Heard:
    try:
        return hear(record)
    except EventError as error:
        raise _LostError(
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


def replay(replay: Replay, links: Sequence[Link]) -> Iterator[Step]:
    """Make the versions of entries in the order of the ledger."""
    for link in links:
        yield replay.step(link)
