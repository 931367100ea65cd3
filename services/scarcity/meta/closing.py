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

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scarcity.events.domain_profile import DomainProfile
from scarcity.events.ledger_entry import LedgerEntry, PartitionInputs
from scarcity.events.types import EXPERT_COUNT, Outgoing
from scarcity.learning.online_maml import FamilyState, OnlineMAMLEngine
from scarcity.learning.starts import base_start
from scarcity.meta.domain_rounds import DomainRounds
from scarcity.meta.pending import Heard
from scarcity.meta.publishing import Chain, version_records
from scarcity.meta.recompute import Version, first_version, inputs_of, next_version


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
    """

    def __init__(
        self, engine: OnlineMAMLEngine, monotonic_s: Callable[[], float], code_version: str
    ) -> None:
        self._engine = engine
        self._settings_hash = engine.settings.hash()
        self._monotonic_s = monotonic_s
        self._code_version = code_version

    def close(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        families: Mapping[str, FamilyState],
        chain: Chain,
        by: str,
        now_ms: int,
    ) -> Closed:
        """Make the domain's next version (version 0 when it has none) and move the domain on.

        Args:
            profile: complete.
            by: what closed the round: `start`, `quorum`, `deadline` or `buffer`.
        """
        began_s = self._monotonic_s()
        pending = domain.pending
        opened_ms, active = pending.opened_ms(), pending.active(now_ms, profile.policy.active_s)
        heard = [] if domain.state is None else pending.take()
        one = _Round(by, now_ms, opened_ms, active, heard, *inputs_of(heard))
        version = self._make(domain, profile, families, one)
        processing_s = self._monotonic_s() - began_s
        entry = self._entry(domain, profile, version, one, chain, processing_s)
        after = chain.after(entry)
        kept = domain.move_on(profile.family, version.domain, now_ms)
        newest_ms = max((h.seen_ms for h in heard), default=0)
        records = version_records(entry, kept, version.family, after, newest_ms)
        return Closed(entry, records, version.family, after)

    def _make(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        families: Mapping[str, FamilyState],
        one: _Round,
    ) -> Version:
        if domain.state is None:
            return first_version(
                self._engine, domain.name, profile.family, len(profile.features), families
            )
        insights = [heard.insight for heard in one.heard]
        family = families[profile.family]
        return next_version(self._engine, domain.name, domain.state, family, insights)

    def _entry(
        self,
        domain: DomainRounds,
        profile: DomainProfile,
        version: Version,
        one: _Round,
        chain: Chain,
        processing_s: float,
    ) -> LedgerEntry:
        state, report = version.domain, version.report
        losses = [None] * EXPERT_COUNT if report is None else report.expert_losses.tolist()
        return LedgerEntry(
            domain=domain.name,
            version=state.version,
            parent=chain.last_hash,
            family=profile.family,
            inputs=one.inputs,
            inputs_hash=one.inputs_hash,
            clients=len(one.heard),
            active_clients=one.active,
            mean_staleness_versions=0.0 if report is None else report.mean_staleness_versions,
            policy=profile.policy,
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
        )


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
