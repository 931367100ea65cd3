"""MetaCoordinator: from what the log says to the versions that are due. Pure: no broker, no clock.

One coordinator holds all domains, because domains of a family share a starting point and all
versions share one ledger. What it must not forget is in the records it publishes: a coordinator
restored from them and from the compacted topics goes on as if it had never stopped.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from scarcity.events.client_memory import ClientMemory
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import SCHEMA_VERSION, decode_json
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import (
    CLIENTS,
    CREDENTIALS,
    DOMAINS,
    GLOBAL_MEMORY,
    GOSSIP_PLAN,
    RULINGS,
    SECAGG_ROUNDS,
    is_domain,
)
from scarcity.events.types import Record
from scarcity.keys.registration_guard import RegistrationGuard
from scarcity.keys.signing import SigningKey, TrustedKeys
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.checkpoints import is_due
from scarcity.meta.closing import Closed, RoundCloser
from scarcity.meta.domain_rounds import DomainRounds
from scarcity.meta.noised_versions import DrawKey, no_keys
from scarcity.meta.pending import PendingSet
from scarcity.meta.publishing import Chain, Publication, profile_record
from scarcity.meta.quarantine import Watch
from scarcity.meta.repair_checks import check_repair, refuse_second_telling
from scarcity.meta.rounds import Wait
from scarcity.meta.rulings import (
    HOLD_S,
    Repair,
    check_newer,
    read_repair,
    read_ruling,
)
from scarcity.meta.secure_rounds import members_domain
from scarcity.meta.state_codec import WRITER_KEY, decode_domain, decode_family
from scarcity.meta.summing import advance_sum

# Domains that a registration may still add to: where nobody signs, anyone can name a new one.
MOST_DOMAINS = 1024
FOLLOWED = (DOMAINS, CLIENTS, GLOBAL_MEMORY, CREDENTIALS, GOSSIP_PLAN, RULINGS, SECAGG_ROUNDS)


class _PlanLine(msgspec.Struct):
    """The part of a gossip plan that matters here."""

    domain: str
    schema_version: str = SCHEMA_VERSION


class MetaCoordinator:
    """Holds what is known and says which versions are due.

    Args:
        engine: the learning rules.
        monotonic_s: a clock for durations; seconds from any origin.
        code_version: of this package, for the ledger.
        signing: the writer's key; None: entries are not signed.
        operators: whose rulings are heeded.
        checkpoint_versions: versions a domain between two checkpoints, on average; 0: none.
        draw_noise_key: a fresh secret for a domain with central noise.
        registrations: judge of registrations and of members' messages; None: whoever may write to
            the topic may register.
    """

    def __init__(
        self,
        engine: OnlineMAMLEngine,
        monotonic_s: Callable[[], float],
        code_version: str,
        *,
        signing: SigningKey | None = None,
        operators: TrustedKeys | None = None,
        checkpoint_versions: int = 0,
        draw_noise_key: DrawKey = no_keys,
        registrations: RegistrationGuard | None = None,
    ) -> None:
        self._closer = RoundCloser(engine, monotonic_s, code_version, signing, draw_noise_key)
        self._operators = operators or TrustedKeys()
        self._registrations = registrations
        self._checkpoint_versions = checkpoint_versions
        self._repair: Repair | None = None
        self._held_until_ms = 0
        self._departed: set[str] = set()
        self._domains: dict[str, DomainRounds] = {}
        self._families: dict[str, FamilyState] = {}
        self._chain = Chain()
        self._folds: dict[str, Callable[[Record], None]] = {
            DOMAINS: self._profile,
            CLIENTS: self._client,
            GLOBAL_MEMORY: self._memory,
            CREDENTIALS: self._credential,
            GOSSIP_PLAN: self._plan,
            RULINGS: self._ruling,
            SECAGG_ROUNDS: self._announced,
        }

    @property
    def chain(self) -> Chain:
        """End of the ledger."""
        return self._chain

    @property
    def waits(self) -> Mapping[str, Wait]:
        """Why each domain without a due version waits, as of the last :meth:`advance`."""
        return {name: d.wait for name, d in self._domains.items() if d.wait is not None}

    def wake_at_ms(self) -> int | None:
        """When time alone closes the next round; None when it closes none."""
        times = [d.wait.until_ms for d in self._domains.values() if d.wait is not None]
        return min((t for t in times if t is not None), default=None)

    def restore(self, states: Iterable[MetaState]) -> None:
        """Take over from a writer before: the latest `meta-state` of every key, in any order.

        Call it before :meth:`observe`.

        Raises:
            EventError: a state is not complete.
        """
        for event in states:
            if event.key == WRITER_KEY:
                self._chain = Chain(event.ledger_hash, event.ledger_length, event.checkpoint_length)
            elif event.key.startswith(WRITER_KEY):
                self._families[event.family] = decode_family(event)
            else:
                kept = decode_domain(event)
                self._domains[event.key] = DomainRounds.restored(event.key, kept, self._departed)
                self._departed.update(kept.departed)

    def observe(self, record: Record) -> None:
        """Take in a record of one of FOLLOWED, or of members of a secure sum.

        Of FOLLOWED the newest of a key counts.

        Raises:
            EventError: the record breaks its contract, and changed nothing.
        """
        if name := members_domain(record.position.topic):
            if self._registrations is not None:
                self._registrations.attest_member(record, name)
            self._domain(name).sums.observe(record)
        else:
            self._folds[record.position.topic](record)

    def advance(self, now_ms: int) -> list[Publication]:
        """Versions that are due, in the order of their ledger entries.

        The coordinator has moved on when this returns: publish them all, or drop it and restore.
        """
        due = self._apply_repair(now_ms)
        for name in sorted(self._domains):
            publication = self._advance_domain(self._domains[name], now_ms)
            if publication is not None:
                due.append(publication)
        return due

    def acknowledge(self, publication: Publication, broadcast_s: float) -> None:
        """Note how long the broker took to acknowledge a publication."""
        if publication.entry is not None:
            self._domains[publication.domain].broadcast_s = broadcast_s

    def _domain(self, name: str) -> DomainRounds:
        if name not in self._domains:
            self._domains[name] = DomainRounds(name, PendingSet({}, self._departed))
        return self._domains[name]

    def _profile(self, record: Record) -> None:
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self._domain(key).profile = None
            return
        profile = decode_json(record.value, DomainProfile)
        if profile.domain != key:
            raise EventError(
                Reason.WRONG_KEY, f"the profile of {profile.domain!r} lies under the key {key!r}"
            )
        self._domain(key).profile = profile

    def _client(self, record: Record) -> None:
        client_id = (record.key or b"").decode(errors="replace")
        if record.value is None:
            if self._registrations is not None:
                self._registrations.check(record, None)
            self._departed.add(client_id)
            for domain in self._domains.values():
                domain.registered.pop(client_id, None)
            return
        client = decode_json(record.value, ClientRegistered)
        if self._registrations is not None:
            self._registrations.check(record, client.domain)
        name = client.domain
        if name not in self._domains and (
            not is_domain(name) or len(self._domains) >= MOST_DOMAINS
        ):
            raise EventError(
                Reason.OUT_OF_BOUNDS,
                f"a registration for {name[:64]!r}, which is no domain or one above {MOST_DOMAINS}",
            )
        self._departed.discard(client_id)
        self._domain(name).register(client)

    def _memory(self, record: Record) -> None:
        if record.value is None:
            name, _, client_id = (record.key or b"").decode(errors="replace").partition("/")
            self._domain(name).pending.remove(client_id)
            return
        memory = decode_json(record.value, ClientMemory)
        self._domain(memory.domain).pending.put(memory)

    def _credential(self, record: Record) -> None:
        if self._registrations is not None:
            self._registrations.note_revoked(record)

    def _plan(self, record: Record) -> None:
        if record.value is not None:
            domain = self._domain(decode_json(record.value, _PlanLine).domain)
            domain.planned_ms = max(domain.planned_ms, record.timestamp_ms)

    def _announced(self, record: Record) -> None:
        if record.value is not None:
            self._domain((record.key or b"").decode(errors="replace")).sums.announced(record)

    def _ruling(self, record: Record) -> None:
        ruling, offset = read_ruling(record, self._operators), record.position.offset
        if ruling.kind != "repair":
            for name in ruling.domains:
                self._domain(name).rule(ruling, offset)
            return
        repair = read_repair(ruling, offset)
        refuse_second_telling(repair, self._domains)
        told = [self._domain(name).ruled for name in ruling.domains]
        if any(offset <= before for before, _ in told):
            return  # entries tell it already
        for name, ruled in zip(ruling.domains, told, strict=True):
            check_newer(ruling, name, ruled)
        if (ruling.base_length, ruling.base_hash) == (self._chain.length, self._chain.last_hash):
            check_repair(repair, self._domain)
            self._repair = repair
            return
        # The operator's own time bounds it too: an old request that is repeated holds nothing up.
        came_ms = min(record.timestamp_ms, ruling.ruled_at_ms)
        self._held_until_ms = max(self._held_until_ms, came_ms + int(1000 * HOLD_S))

    def _apply_repair(self, now_ms: int) -> list[Publication]:
        repair, self._repair = self._repair, None
        if repair is None:
            return []
        self._held_until_ms = 0
        self._families.update(repair.families)
        due = []
        for at, name in enumerate(sorted(repair.domains), 1):
            domain = self._domains[name]
            if name in repair.ruling.domains:
                domain.rule(repair.ruling, repair.offset)
            policy = domain.profile.policy if domain.profile else RoundPolicy()
            others = self._others if at == len(repair.domains) else None
            closed = self._closer.repair(
                domain, policy, self._families, self._chain, repair, now_ms, others
            )
            self._chain = closed.chain
            due.append(Publication(name, closed.records, closed.entry))
        return due

    def _others(self) -> dict[str, tuple[str, DomainState, Watch]]:
        return {
            name: (domain.family, domain.state, domain.watch)
            for name, domain in self._domains.items()
            if domain.state is not None
        }

    def _is_checkpoint_due(self) -> bool:
        since = self._chain.length + 1 - self._chain.checkpoint_length
        return is_due(self._checkpoint_versions, since, len(self._others()))

    def _advance_domain(self, domain: DomainRounds, now_ms: int) -> Publication | None:
        filled = domain.complete_profile()
        decision = domain.decide(self._families, now_ms)
        if now_ms < self._held_until_ms:
            decision = Wait("waits for an operator's repair", until_ms=self._held_until_ms)
        profile = domain.profile
        filled_in = (profile_record(profile, now_ms),) if filled and profile is not None else ()
        if isinstance(decision, Wait) or profile is None:
            domain.wait = decision if isinstance(decision, Wait) else None
            return Publication(domain.name, filled_in) if filled_in else None
        others = self._others if self._is_checkpoint_due() else None
        at = profile, self._families, self._chain
        if decision.by == "sum":
            out = {*self._departed, *domain.watch.marks}
            due, summed = advance_sum(self._closer, domain, *at, out, now_ms, others)
            return self._moved_on(summed, due)
        closed = self._closer.close(domain, *at, decision.by, now_ms, others)
        due = Publication(domain.name, (*filled_in, *closed.records), closed.entry)
        return self._moved_on(closed, due)

    def _moved_on(self, closed: Closed | None, due: Publication | None) -> Publication | None:
        if closed is not None:
            self._families[closed.entry.family] = closed.family
            self._chain = closed.chain
        return due
