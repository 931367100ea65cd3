"""The states that a replay holds between two entries."""

from collections import defaultdict
from dataclasses import dataclass, field

from scarcity.audit.checkpointed import States
from scarcity.events.checkpoint import states_hash
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.meta.quarantine import Watch
from scarcity.meta.recompute import Version
from scarcity.meta.state_codec import encode_family, family_key, learned_domain


@dataclass
class Held:
    """Domains and families as the entries so far left them; ``family_of`` is by domain."""

    domains: dict[str, DomainState] = field(default_factory=dict)
    families: dict[str, FamilyState] = field(default_factory=dict)
    family_of: dict[str, str] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=lambda: defaultdict(Watch))

    def put(self, entry: LedgerEntry, version: Version) -> None:
        """Move a domain on."""
        self.domains[entry.domain], self.families[entry.family] = version.domain, version.family
        self.family_of[entry.domain] = entry.family

    def drop(self, entry: LedgerEntry) -> None:
        """Let the states of an entry go: what it made cannot be had."""
        self.domains.pop(entry.domain, None)
        self.families.pop(entry.family, None)

    def heed(self, entry: LedgerEntry) -> None:
        """Take what an entry tells of rulings: they came before its version."""
        if entry.lifted or entry.marks:
            ruled = [mark for mark in entry.marks if mark.by != "check"]
            back = [lift.client_id for lift in entry.lifted]
            self.watches[entry.domain] = self.watches[entry.domain].lifting(back).marking(ruled)

    def note_marks(self, entry: LedgerEntry) -> None:
        """Take the check's marks as an entry tells them: what follows stands on these."""
        told = [mark for mark in entry.marks if mark.by == "check"]
        if told:
            self.watches[entry.domain] = self.watches[entry.domain].marking(told)

    def adopt(self, states: States, family: str) -> None:
        """Take a family and its domains from a checkpoint."""
        self.families[family] = states.families[family]
        for name, (of, state, evidence) in states.domains.items():
            if of == family:
                self.domains[name], self.family_of[name] = state, family
                self.watches[name] = Watch(evidence, self.watches[name].marks)

    def hash_of(self, key: str, *, evidence: bool = True) -> str:
        """Hash of a state by its key, as a checkpoint tells it; empty when it is not held."""
        if key in self.domains:
            watch = self.watches[key] if evidence else Watch()
            state = learned_domain(key, self.family_of[key], self.domains[key], watch)
            return states_hash([state])
        families = {family_key(name): name for name in self.families}
        name = families.get(key)
        return "" if name is None else states_hash([encode_family(name, self.families[name])])
