"""The same insights under another round policy: rounds close elsewhere, so versions differ.

Time is that of the records: an insight arrives at its timestamp, a deadline passes when it does.
Versions keep the numbers of the recorded ones at that time: an insight names the version it was
measured on, and its slopes are read by that number. Staleness is thus counted in recorded versions.
Clients that were marked count from and to where they did; repairs are left out.
Clients that left are not known here (`clients` tells only who is there now): their last insight is
used by the next round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from scarcity.audit.chain import Link
from scarcity.audit.log import domain_of
from scarcity.audit.replaying import Replay
from scarcity.audit.steps import cannot_make
from scarcity.events.client_memory import ClientMemory
from scarcity.events.codec import decode_json
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import Record
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.settings import MemorySettings
from scarcity.meta.pending import PendingSet
from scarcity.meta.recompute import Version, next_version
from scarcity.meta.rounds import Close, RoundView, Wait, decide

Made: TypeAlias = tuple[str, Version, int]  # domain, version, insights heard


@dataclass
class _Open:
    """A domain's open round."""

    pending: PendingSet = field(default_factory=lambda: PendingSet({}))
    link: Link | None = None  # of the recorded version that is current
    until_ms: int | None = None


class Recut:
    """Folds the insights again and closes rounds by a policy.

    Args:
        replay: fresh; makes the starts and holds the states.
        memory_settings: as the memory workers have them.
    """

    def __init__(
        self, policy: RoundPolicy, replay: Replay, memory_settings: MemorySettings
    ) -> None:
        self._policy = policy
        self._replay = replay
        self._memory = GlobalMemory(memory_settings.max_insights, limits=memory_settings.limits)
        self._open: dict[str, _Open] = {}

    def run(self, links: Sequence[Link], insights: Sequence[Record]) -> Iterator[Made]:
        """Versions in the order in which they would have been made.

        Args:
            links: recorded entries: starts are made when they were, numbers follow them.
            insights: of the same domains; each partition in the order of its offsets.

        Raises:
            ServiceError: a start can no longer be made, or rules are not known.
        """
        events: list[tuple[int, int, Link | Record]] = [
            # Within a millisecond: a start before the insights, a version after those it used.
            *((link.entry.written_at_ms, 2 * (link.entry.version > 0), link) for link in links),
            *((record.timestamp_ms, 1, record) for record in insights),
        ]
        events.sort(key=lambda event: event[:2])  # stable: partitions keep their order
        for at_ms, _, event in events:
            yield from self._deadlines(at_ms)
            if isinstance(event, Link):
                domain = event.entry.domain
                yield from self._recorded(event)
            else:
                domain = domain_of(event.position.topic)
                self._arrive(event)
            yield from self._decide(domain, at_ms)

    def _recorded(self, link: Link) -> Iterator[Made]:
        if link.entry.sums is not None:
            raise InputError(f"{link.name} is a secure sum: other rounds cannot be told from it")
        domain = self._open.setdefault(link.entry.domain, _Open())
        domain.link, held = link, self._replay.held
        held.heed(link.entry)
        held.note_marks(link.entry)
        domain.pending.marked = held.watches[link.entry.domain].marks
        if link.entry.version == 0:
            step = self._replay.step(link)
            if step.version is None:
                raise cannot_make(link.name, step.lost)
            yield link.entry.domain, step.version, 0

    def _arrive(self, record: Record) -> None:
        for changed in self._memory.fold([record]).changed:
            if changed.value is None:
                name, _, client = (changed.key or b"").decode().partition("/")
                self._open.setdefault(name, _Open()).pending.remove(client)
            else:
                memory = decode_json(changed.value, ClientMemory)
                self._open.setdefault(memory.domain, _Open()).pending.put(memory)

    def _deadlines(self, now_ms: int) -> Iterator[Made]:
        due = [
            (one.until_ms, name)
            for name, one in self._open.items()
            if one.until_ms is not None and one.until_ms <= now_ms
        ]
        for until_ms, name in sorted(due):
            yield from self._decide(name, until_ms)

    def _decide(self, name: str, now_ms: int) -> Iterator[Made]:
        domain = self._open.get(name)
        if domain is None or domain.link is None or name not in self._replay.held.domains:
            return
        pending = domain.pending
        active = pending.active(now_ms, self._policy.active_s)
        view = RoundView(pending.count(), active, pending.opened_ms())
        decision = decide(self._policy, view, now_ms)
        domain.until_ms = decision.until_ms if isinstance(decision, Wait) else None
        if isinstance(decision, Close):
            engine = self._replay.engine_of(domain.link.entry)
            if engine is None:
                lost = "its learning settings are not known here"
                raise cannot_make(domain.link.name, lost)
            yield self._close(name, domain, domain.link, engine)

    def _close(self, name: str, domain: _Open, link: Link, engine: OnlineMAMLEngine) -> Made:
        if link.entry.dp is not None:
            raise InputError(
                f"{link.name} has noise: what other rounds would have been cannot be told without "
                "noise of their own that nobody counted"
            )
        heard = domain.pending.take()
        family = self._replay.held.families[link.entry.family]
        named = [one.insight.meta_version or 0 for one in heard]
        before = replace(self._replay.held.domains[name], version=max([link.entry.version, *named]))
        version = next_version(engine, name, before, family, [one.insight for one in heard])
        self._replay.held.domains[name] = version.domain
        self._replay.held.families[link.entry.family] = version.family
        return name, version, len(heard)
