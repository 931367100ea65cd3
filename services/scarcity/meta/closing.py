"""Closes a round: the new states, the ledger entry that accounts for them, and the records.

Phases of a round, in seconds, as the ledger entry tells them. Record timestamps are compared with
the writer's clock, so a difference between clocks of machines is in the first three:

- ``gossip``: from the version before to the last gossip plan before the round's first insight; 0
  when none was drawn in between. Weights are traded among peers and are not seen from here.
- ``training``: from there to the round's first insight.
- ``collection``: from the round's first insight to its close.
- ``processing``: from the close to the new states and the hash of the inputs, on the writer's
  monotonic clock.
- ``broadcast``: of the domain's version before, from handing over its records to the broker's
  acknowledgement of their transaction (a version's own is not over when its entry is written);
  0 for version 0 and for the first version after a restart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from scarcity.events.checkpoint import states_hash
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.dp_rules import DpRound
from scarcity.events.ledger_entry import LedgerEntry, PartitionInputs, RoundPolicy
from scarcity.events.meta_state import MetaState
from scarcity.events.secure_sum import SecureSum
from scarcity.events.standing import Repair as RepairNote
from scarcity.events.types import EXPERT_COUNT, Outgoing
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.learning.starts import base_start
from scarcity.meta.checkpoints import snapshot
from scarcity.meta.domain_rounds import DomainRounds
from scarcity.meta.noised_versions import (
    DrawKey,
    account,
    first_noised_version,
    new_key,
    next_noised_version,
    no_keys,
)
from scarcity.meta.pending import Heard
from scarcity.meta.publishing import Chain, version_records
from scarcity.meta.quarantine import Watch, watch_round, watched_from
from scarcity.meta.recompute import Version, carried_on, first_version, inputs_of, next_version
from scarcity.meta.rulings import Repair
from scarcity.meta.secure_rounds import DueSum
from scarcity.meta.summed_versions import next_summed_version

# Family, state and watch of every other domain that has a version.
Others: TypeAlias = Callable[[], Mapping[str, tuple[str, DomainState, Watch]]]


@dataclass(frozen=True)
class Closed:
    """A closed round; the domain itself was moved on."""

    entry: LedgerEntry
    records: tuple[Outgoing, ...]
    family: FamilyState
    chain: Chain


@dataclass(frozen=True)
class _Round:
    by: str
    now_ms: int
    opened_ms: int | None
    active: int
    heard: list[Heard]
    inputs: list[PartitionInputs]
    inputs_hash: str


class RoundCloser:
    """Makes versions.

    Args:
        engine: the learning rules.
        monotonic_s: a clock for durations; seconds from any origin.
        code_version: of this package.
        signing: the writer's key; None: entries are not signed.
        draw_noise_key: a fresh secret for a domain with central noise.
    """

    def __init__(
        self,
        engine: OnlineMAMLEngine,
        monotonic_s: Callable[[], float],
        code_version: str,
        signing: SigningKey | None = None,
        draw_noise_key: DrawKey = no_keys,
    ) -> None:
        self._engine = engine
        self._settings_hash = engine.settings.hash()
        self._monotonic_s = monotonic_s
        self._code_version = code_version
        self._signing = signing
        self._draw_noise_key = draw_noise_key

    def close(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        families: Mapping[str, FamilyState],
        chain: Chain,
        by: str,
        now_ms: int,
        others: Others | None = None,
    ) -> Closed:
        """Make the domain's next version (version 0 when it has none) and move the domain on.

        Args:
            profile: complete.
            by: what closed the round: `start`, `quorum`, `deadline` or `buffer`.
            others: states of the other domains, for a checkpoint; None: there is none.
        """
        began_s = self._monotonic_s()
        pending, before = domain.pending, domain.state
        opened_ms, active = pending.opened_ms(), pending.active(now_ms, profile.policy.active_s)
        heard = [] if before is None else pending.take()
        one = _Round(by, now_ms, opened_ms, active, heard, *inputs_of(heard))
        if before is None:
            domain.dp = profile.dp
            domain.noise_key = new_key(profile, self._draw_noise_key)
        dp = _account(domain, profile, one)
        version = self._make(domain, profile, families, one)
        watch, marks = domain.watch, list(domain.marks)
        if before is not None:
            threshold = watched_from(profile.policy, dp)
            watch, more = watch_round(watch, domain.name, before, version.domain, heard, threshold)
            marks += more
        processing_s = self._monotonic_s() - began_s
        entry = self._entry(domain, profile.family, profile.policy, version, one, processing_s)
        sums = SecureSum() if profile.privacy == "secagg" else None
        entry = msgspec.structs.replace(entry, marks=marks, dp=dp, sums=sums)
        return self._finish(domain, version, watch, entry, families, chain, others, heard)

    def close_sum(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        families: Mapping[str, FamilyState],
        chain: Chain,
        due: DueSum,
        now_ms: int,
        others: Others | None = None,
    ) -> Closed:
        """Make the domain's next version of a sum over its clients, and move the domain on."""
        began_s = self._monotonic_s()
        assert domain.state is not None  # a round begins on a version
        family = families[profile.family]
        version = next_summed_version(self._engine, domain.name, domain.state, family, due.summed)
        processing_s = self._monotonic_s() - began_s
        one = _Round(due.by, now_ms, due.opened_ms, due.active, [], due.inputs, due.inputs_hash)
        entry = self._entry(domain, profile.family, profile.policy, version, one, processing_s)
        entry = msgspec.structs.replace(entry, clients=due.summed.clients, sums=due.told)
        return self._finish(domain, version, domain.watch, entry, families, chain, others, [])

    def repair(
        self,
        domain: DomainRounds,
        policy: RoundPolicy,
        families: Mapping[str, FamilyState],
        chain: Chain,
        repair: Repair,
        now_ms: int,
        others: Others | None = None,
    ) -> Closed:
        """Let the domain go on from the state that a repair gives it.

        Args:
            families: with the repaired ones.
            chain: where this entry goes; the base of the repair lies before all its entries.
        """
        family, repaired = repair.domains[domain.name]
        state = carried_on(repaired, repaired.version + 1)
        version = Version(state, families[family])
        active = domain.pending.active(now_ms, policy.active_s)
        one = _Round("repair", now_ms, None, active, [], *inputs_of([]))
        ruling = repair.ruling
        without = tuple(sorted(ruling.clients))
        told = RepairNote(without, ruling.base_length, ruling.base_hash, repair.offset)
        entry = self._entry(domain, family, policy, version, one, 0.0)
        entry = msgspec.structs.replace(entry, repair=told, start="")
        return self._finish(domain, version, domain.watch, entry, families, chain, others, [])

    def _finish(
        self,
        domain: DomainRounds,
        version: Version,
        watch: Watch,
        entry: LedgerEntry,
        families: Mapping[str, FamilyState],
        chain: Chain,
        others: Others | None,
        heard: Sequence[Heard],
    ) -> Closed:
        states: list[MetaState] = []
        if others is not None:
            own = {domain.name: (entry.family, version.domain, watch)}
            states = snapshot({**others(), **own}, {**families, entry.family: version.family})
        checkpoint = states_hash(states) if states else ""
        entry = msgspec.structs.replace(entry, parent=chain.last_hash, checkpoint=checkpoint)
        if self._signing is not None:
            entry = sign_event(entry, self._signing)
        after = chain.after(entry)
        kept = domain.move_on(entry.family, version.domain, watch, entry.written_at_ms)
        # When the newest client took part is nobody's to know where participation is secret.
        newest_ms = 0 if entry.dp else max((h.seen_ms for h in heard), default=0)
        records = version_records(entry, kept, version.family, after, newest_ms, states)
        return Closed(entry, records, version.family, after)

    def _make(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        families: Mapping[str, FamilyState],
        one: _Round,
    ) -> Version:
        if domain.state is None:
            is_private = profile.privacy in ("dp", "secagg")
            first = first_noised_version if is_private else first_version
            return first(self._engine, domain.name, profile.family, len(profile.features), families)
        insights = [heard.insight for heard in one.heard]
        before, family = domain.state, families[profile.family]
        if (dp := _account(domain, profile, one)) is None:
            return next_version(self._engine, domain.name, before, family, insights)
        key = domain.noise_key
        return next_noised_version(
            self._engine, domain.name, before, family, insights, dp, key, one.inputs_hash
        )

    def _entry(
        self,
        domain: DomainRounds,
        family: str,
        policy: RoundPolicy,
        version: Version,
        one: _Round,
        processing_s: float,
    ) -> LedgerEntry:
        state, report = version.domain, version.report
        losses = [None] * EXPERT_COUNT if report is None else report.expert_losses.tolist()
        return LedgerEntry(
            domain=domain.name,
            version=state.version,
            parent="",  # known when the entry is finished
            family=family,
            inputs=one.inputs,
            inputs_hash=one.inputs_hash,
            clients=len(one.heard),
            active_clients=one.active,
            mean_staleness_versions=0.0 if report is None else report.mean_staleness_versions,
            policy=policy,
            settings_hash=self._settings_hash,
            code_version=self._code_version,
            closed_by=one.by,
            reverted=report is not None and report.reverted,
            result_hash=version.result_hash,
            mean_loss=None if report is None else report.mean_loss,
            # NaN, where nobody was heard, is the one number that differs from itself.
            expert_losses=[None if loss != loss else loss for loss in losses],
            step_scale=state.step_scale,
            phases_s=_phases(domain, one, processing_s),
            written_at_ms=one.now_ms,
            start=base_start(state.candidates) if report is None else report.start,
            marks=list(domain.marks),
            lifted=list(domain.lifted),
        )


def _account(domain: DomainRounds, profile: DomainProfile, one: _Round) -> DpRound | None:
    version = 0 if domain.state is None else domain.state.version + 1
    insights = [heard.insight for heard in one.heard]
    return account(profile, version, insights, domain.noise_key)


def _phases(domain: DomainRounds, one: _Round, processing_s: float) -> dict[str, float]:
    gossip_ms = training_ms = collection_ms = 0
    if one.opened_ms is not None and domain.state is not None:
        before, planned = domain.written_at_ms, min(domain.planned_ms, one.opened_ms)
        gossip_ms = max(0, planned - before)
        training_ms = max(0, one.opened_ms - before - gossip_ms)
        collection_ms = max(0, one.now_ms - one.opened_ms)
    return {
        "gossip": gossip_ms / 1000,
        "training": training_ms / 1000,
        "collection": collection_ms / 1000,
        "processing": processing_s,
        "broadcast": domain.broadcast_s,
    }
