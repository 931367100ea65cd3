"""Makes versions again, one after the other, as the meta-learner did: from a ledger's inputs.

What cannot be made again (its insights left the topic, its rules are not known) is lost, and so is
all that stands on it: later versions of its family, which share z0, and starts tried by others,
until a checkpoint gives the states back.
"""

from collections.abc import Sequence
from copy import copy
from typing import Final

from scarcity import __version__
from scarcity.audit.chain import Link
from scarcity.audit.checkpointed import CheckpointIndex
from scarcity.audit.held import Held
from scarcity.audit.inputs import InsightIndex, MissingInputError
from scarcity.audit.log import AuditLog
from scarcity.audit.noised import noised_again
from scarcity.audit.rules import KnownRules
from scarcity.audit.steps import LostError, Step, hear_again
from scarcity.audit.summed import summed_again
from scarcity.audit.taken_out import TakenOut
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.standing import Mark, Repair
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.noised_versions import first_noised_version
from scarcity.meta.pending import Heard
from scarcity.meta.quarantine import watch_round, watched_from
from scarcity.meta.recompute import (
    Version,
    canonical_insight,
    carried_on,
    first_version,
    next_version,
)

MOST_INPUTS: Final = 62  # columns of a profile, events/domain_profile.py


class Replay:
    """States of all domains and families, moved on entry by entry.

    Args:
        log: where the insights and checkpoints are.
        rules: learning rules by hash.
        links: the entries that will be stepped, in the order of the ledger: a repair goes back.
        without: whose insights do not count. A version that would hear none keeps its parameters:
            its number is used up, as later insights name versions by number.
        engine: rules in place of those that the entries name.

    Attributes:
        index: the insights, by position.
        held: the states as the entries so far left them.
        lost: why a family's states cannot be had, by family.
        resumed: entries whose checkpoint was gone on from, because what was before is lost.
    """

    def __init__(
        self,
        log: AuditLog,
        rules: KnownRules,
        links: Sequence[Link],
        *,
        without: TakenOut | None = None,
        engine: OnlineMAMLEngine | None = None,
    ) -> None:
        self._log = log
        self.index = InsightIndex.of(log)
        self._checkpoints = CheckpointIndex(log.checkpoints)
        self._begin(rules, links, without or TakenOut(), engine)

    def _begin(
        self,
        rules: KnownRules,
        links: Sequence[Link],
        without: TakenOut,
        engine: OnlineMAMLEngine | None,
    ) -> None:
        self.held = Held()
        self.resumed: list[str] = []
        self._rules = rules
        self._links = links
        self._without = without
        self._engine = engine
        self.lost: dict[str, str] = {}
        self._repaired = ""
        self._newest: dict[str, int] = {}  # by domain

    def refold(self, without: TakenOut) -> "Replay":
        """A fresh replay of the same entries and rules that leaves clients out as well."""
        other = copy(self)
        other._begin(self._rules, self._links, self._without.joined(without), self._engine)
        return other

    def engine_of(self, entry: LedgerEntry) -> OnlineMAMLEngine | None:
        """The rules for an entry; None when they are not known."""
        return self._engine or self._rules.engine(entry.settings_hash)

    def has_checkpoint(self, link: Link) -> bool:
        """Whether an entry's checkpoint is there."""
        return link.entry.checkpoint in self._checkpoints

    def begin_at(self, link: Link) -> bool:
        """Take the states of an entry's checkpoint, as if all up to it had been stepped.

        Returns:
            Whether the checkpoint is there.
        """
        states = self._checkpoints.find(link.entry.checkpoint)
        if states is None:
            return False
        for before in self._links:
            if before.index <= link.index:
                self._newest[before.entry.domain] = before.entry.version
                self.held.heed(before.entry)
                self.held.note_marks(before.entry)
        for family in states.families:
            self.held.adopt(states, family)
        return True

    def step(self, link: Link) -> Step:
        """Make the version of the next entry."""
        entry = link.entry
        engine = self.engine_of(entry)
        if not link.in_order and entry.version <= self._newest.get(entry.domain, -1):
            # A fork: the entry that came first is the one that the domain went on from.
            return Step(link, engine, lost=f"{link.name} is there already")
        self._newest[entry.domain] = entry.version
        held = self.held
        held.heed(entry)
        heard: list[Heard] = []
        canonical: list[bytes] = []
        marks: tuple[Mark, ...] = ()
        wrong: list[str] = []
        before, family = held.domains.get(entry.domain), held.families.get(entry.family)
        try:
            if entry.repair is not None:
                version, wrong = self._repair(link, entry.repair)
            else:
                heard, canonical = self._hear(link)
                version = self._make(link, engine, before, family, heard)
                marks = self._watch(entry, before, version, heard)
        except LostError as error:
            self._lose(link, str(error))
            held.note_marks(entry)
            self._resume(link)
            return Step(link, engine, heard, canonical, lost=str(error), fault=error.fault)
        held.put(entry, version)
        held.note_marks(entry)
        wrong += self._compare(link)
        self._resume(link)
        return Step(
            link, engine, heard, canonical, before, family, version,
            marks=marks, wrong=tuple(wrong),
        )  # fmt: skip

    def _hear(self, link: Link) -> tuple[list[Heard], list[bytes]]:
        entry = link.entry
        if entry.sums is not None:
            return [], []  # nobody is heard alone; audit/summed.py
        try:
            records = self.index.used_by(entry)
        except MissingInputError as error:
            # One reason for a run of lost versions: the one that began it.
            began = self.lost.get(entry.family) if error.expired else None
            raise LostError(began or str(error), fault=not error.expired) from None
        if self._without:
            keeps, index = self._without.keeps, link.index
            heard = [hear_again(record) for record in records]
            return [one for one in heard if keeps(one.insight.client_id, index)], []
        heard, canonical = [], []
        for record in records:
            # Both at once: later the insight would have to be fetched from memory again.
            heard.append(one := hear_again(record))
            canonical.append(canonical_insight(one.insight))
        return heard, canonical

    def _make(
        self,
        link: Link,
        engine: OnlineMAMLEngine | None,
        before: DomainState | None,
        family: FamilyState | None,
        heard: list[Heard],
    ) -> Version:
        entry = link.entry
        if (reason := self.lost.get(entry.family)) is not None:
            raise LostError(reason)
        if not link.in_order:
            raise LostError(f"a version of {entry.domain} before {link.name} is missing")
        if engine is None:
            raise LostError(
                f"{link.name} was made under learning settings {entry.settings_hash[:12]}…, which "
                "are not known here: give them with --settings FILE"
            )
        if entry.version == 0:
            return self._start(entry, engine, family)
        if before is None or family is None:
            raise LostError(f"the start of {entry.domain} is not there")
        if entry.sums is not None:
            out = self._without.until_of(link.index), self.held.watches[entry.domain].marks
            return summed_again(entry, entry.sums, engine, before, family, self.index, *out)
        if heard:
            insights = [one.insight for one in heard]
            if entry.dp is not None:
                keys = self.index.noise_keys
                return noised_again(entry, entry.dp, engine, before, family, heard, keys)
            return next_version(engine, entry.domain, before, family, insights)
        if not self._without:
            raise LostError(f"{link.name} names no insight", fault=True)
        return Version(carried_on(before, entry.version), family)

    def _start(
        self, entry: LedgerEntry, engine: OnlineMAMLEngine, family: FamilyState | None
    ) -> Version:
        if self.lost:
            raise LostError(next(iter(self.lost.values())))
        # The ledger does not tell the number of columns: a family's state does, or the one number
        # whose default start has the hash that the entry tells.
        candidates = range(1, MOST_INPUTS + 1) if family is None else [family.inputs]
        is_private = entry.dp is not None or entry.sums is not None
        first = first_noised_version if is_private else first_version
        for inputs in candidates:
            version = first(engine, entry.domain, entry.family, inputs, self.held.families)
            if family is not None or version.result_hash == entry.result_hash:
                return version
        text = (
            f"{entry.domain}@0 has the hash {entry.result_hash}, which no start of a domain with "
            f"1 to {MOST_INPUTS} columns has in scarcity {__version__}"
        )
        if entry.code_version == __version__:
            raise LostError(text, fault=True)
        # The default start is part of the code; another version may have had another one.
        made_by = entry.code_version
        raise LostError(f"{text}: audit with scarcity {made_by}, which made it")

    def _repair(self, link: Link, repair: Repair) -> tuple[Version, list[str]]:
        entry = link.entry
        if (reason := self.lost.get(entry.family)) is not None:
            raise LostError(reason)
        wrong: list[str] = []
        if self._repaired != repair.base_hash:  # the first of the repair's entries
            wrong = self._go_back(link, repair)
            self._repaired = repair.base_hash
        held = self.held
        state, family = held.domains.get(entry.domain), held.families.get(entry.family)
        if state is None or family is None or state.version != entry.version - 1:
            raise LostError(f"{link.name} is no repair of {entry.domain} at its base", fault=True)
        return Version(carried_on(state, entry.version), family), wrong

    def _go_back(self, link: Link, repair: Repair) -> list[str]:
        base = next((one for one in self._links if one.hash == repair.base_hash), None)
        if base is None or base.index >= link.index:
            raise LostError(f"the base of the repair {link.name} is not there", fault=True)
        out = TakenOut.of(repair.without, base.index + 1)
        if self._without.covers(out):
            return []
        again = self.refold(out)
        for one in self._links:
            if one.index <= base.index:
                again.step(one)
        if again.lost:
            raise LostError(next(iter(again.lost.values())))
        was, now = self.held, again.held
        moved = {
            name
            for name in now.domains
            if was.hash_of(name, evidence=False) != now.hash_of(name, evidence=False)
        }
        repaired = {
            one.entry.domain
            for one in self._links
            if one.entry.repair is not None and one.entry.repair.base_hash == repair.base_hash
        }
        was.domains |= now.domains
        was.families |= now.families
        missed = sorted(moved - repaired)
        return [f"the repair leaves {name} as it was" for name in missed]

    def _watch(
        self, entry: LedgerEntry, before: DomainState | None, version: Version, heard: list[Heard]
    ) -> tuple[Mark, ...]:
        threshold = watched_from(entry.policy, entry.dp)
        if self._without or self._engine or before is None or not threshold:
            return ()
        watch, domain = self.held.watches[entry.domain], entry.domain
        watch, marks = watch_round(watch, domain, before, version.domain, heard, threshold)
        self.held.watches[domain] = watch
        return marks

    def _compare(self, link: Link) -> list[str]:
        """What an entry's checkpoint holds that was not made again here."""
        if not link.entry.checkpoint or self._without or self._engine:
            return []
        states = self._checkpoints.find(link.entry.checkpoint)
        if states is None:
            return []
        wrong = []
        for key, told in states.digests.items():
            found = self.held.hash_of(key)
            if found and found != told:
                wrong.append(f"of {key} the checkpoint holds {told}, made again {found}")
        return wrong

    def _resume(self, link: Link) -> None:
        """Go on from an entry's checkpoint with the families that are lost."""
        if not self.lost or not link.entry.checkpoint or self._without or self._engine:
            return
        states = self._checkpoints.find(link.entry.checkpoint)
        for family in list(self.lost) if states is not None else ():
            if states is not None and family in states.families:
                self.lost.pop(family)
                self.held.adopt(states, family)
                self.resumed.append(link.name)

    def _lose(self, link: Link, reason: str) -> None:
        entry = link.entry
        self.lost.setdefault(entry.family, reason)
        self.held.drop(entry)
