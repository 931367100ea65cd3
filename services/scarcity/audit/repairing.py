"""A repair: the learned state without some clients, as a request that the meta-learner applies.

The meta-learner applies it only while the ledger ends where it was computed. So the course here
keeps up with the ledger entry by entry, and each attempt is computed at its end.
"""

from collections.abc import Callable, Collection, Iterable

from scarcity.audit.chain import ChainReader, Link
from scarcity.audit.counterfactual import Outcome, TwoCourses, check_clients
from scarcity.audit.inputs import positions
from scarcity.audit.log import AuditLog
from scarcity.audit.rules import KnownRules
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.ruling import Ruling
from scarcity.events.topics import LEDGER
from scarcity.events.types import Position, Record
from scarcity.meta.quarantine import Watch
from scarcity.meta.state_codec import encode_family, learned_domain


class RepairCourse:
    """The recorded course and the one without some clients, up to the ledger's end.

    Args:
        log: as it was read; what comes later is taken in by :meth:`take`.
        without: clients that are to be taken out.

    Raises:
        InputError: none of the versions heard one of them, or a domain adds noise to its sums.
        ServiceError: a version cannot be made again, or has another hash than the ledger tells.
    """

    def __init__(
        self,
        log: AuditLog,
        rules: KnownRules,
        without: Collection[str],
        on_step: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self._without = frozenset(without)
        self._chain = ChainReader()
        self._courses = TwoCourses(log, rules, self._chain.links, without=without)
        self._waiting: list[Record] = []
        for record in log.ledger:
            self._chain.read(record)
        for done, link in enumerate(self._chain.links, 1):
            self._step(link)
            on_step(done, len(self._chain.links))
        check_clients(without, self._courses.heard_of, None)
        self._base = self._locate(log)

    @property
    def length(self) -> int:
        """Ledger entries so far, counted as the writer does."""
        return self._base + len(self._chain.links)

    @property
    def end(self) -> Link:
        """The last entry."""
        return self._chain.links[-1]

    def outcomes(self) -> list[Outcome]:
        """Both courses, compared, of the domains that differ."""
        return self._courses.outcomes(self._moved())

    def take(self, records: Iterable[Record]) -> list[Link]:
        """Take in later records of the ledger and of the insights topics, in any order between
        topics.

        Returns:
            Entries that were stepped: their insights are all there.
        """
        for record in records:
            if record.position.topic != LEDGER:
                self._courses.add_insight(record)
            elif record.position > self._newest():
                self._waiting.append(record)
        stepped = []
        while self._waiting and (link := self._next()) is not None:
            self._step(link)
            stepped.append(link)
        return stepped

    def ruling(self, *, ruled_at_ms: int, reason: str = "") -> Ruling:
        """The request for a repair at the present end of the ledger, not yet signed.

        Raises:
            InputError: nothing would change.
        """
        moved = self._moved()
        if not moved:
            raise InputError("nothing to repair: these clients moved no state that is in use")
        altered = self._courses.altered.held
        families = sorted({altered.family_of[name] for name in moved})
        states = [
            learned_domain(name, altered.family_of[name], altered.domains[name], Watch())
            for name in moved
        ]
        states += [encode_family(name, altered.families[name]) for name in families]
        heard = [name for name in moved if self._courses.heard_of[name] & self._without]
        return Ruling(
            kind="repair",
            domains=tuple(heard),
            clients=tuple(sorted(self._without)),
            ruled_at_ms=ruled_at_ms,
            reason=reason,
            base_length=self.length,
            base_hash=self.end.hash,
            states=tuple(states),
        )

    def _moved(self) -> list[str]:
        was, now = self._courses.recorded.held, self._courses.altered.held
        return sorted(
            name
            for name in now.domains
            if was.hash_of(name, evidence=False) != now.hash_of(name, evidence=False)
        )

    def _step(self, link: Link) -> None:
        step, entry = self._courses.step(link), link.entry
        if step.version is None or step.version.result_hash != entry.result_hash:
            raise ServiceError(f"{link.name} has another hash: run `scarcity audit verify` first")
        if entry.dp is not None and self._without & self._courses.heard_of[entry.domain]:
            raise InputError(
                f"{entry.domain} is in privacy mode dp: a repair would tell its rounds a second "
                "time; `scarcity quarantine add` lets clients count no more"
            )

    def _newest(self) -> Position:
        if self._waiting:
            return self._waiting[-1].position
        return self.end.position

    def _next(self) -> Link | None:
        """The next entry, once its insights are there."""
        probe = ChainReader().read(self._waiting[0])
        if probe is None:
            raise ServiceError(
                f"{self._waiting[0].position} is no entry: run `scarcity audit verify`"
            )
        if not all(self._courses.has_insight(p) for p in positions(probe.entry)):
            return None
        return self._chain.read(self._waiting.pop(0))

    def _locate(self, log: AuditLog) -> int:
        """Entries of the ledger before the first that is kept."""
        if log.head is None:
            return 0
        for link in reversed(self._chain.links):
            if link.hash == log.head.ledger_hash:
                return log.head.length - link.index - 1
        raise ServiceError("the writer's note of the ledger's end fits no entry: verify first")
