"""The server's side in one process: log, memory and meta-learner, on one thread."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count

from scarcity import __version__
from scarcity.client.outgoing import profile_record, registration_record
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.topics import CLIENTS, GLOBAL_MEMORY, LEDGER
from scarcity.events.types import Outgoing, Record
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.memory.admission import AdmissionLimits
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import FOLLOWED, MetaCoordinator
from scarcity.meta.noised_versions import no_keys
from scarcity.simulation.log import MemoryLog


def noise_keys(seed: int) -> Callable[[], bytes]:
    """Secrets that two runs of a scenario share; a real server draws its own."""
    numbers = count()
    return lambda: hashlib.sha256(f"{seed}/noise-key/{next(numbers)}".encode()).digest()


class Services:
    """Log, memory and meta-learner.

    Args:
        engine: makes the versions.
        now_ms: virtual time.
        clients: of the largest domain; all of them fit into the memory.
        slope_clip: the largest of any domain.
        keep_log: keep the records of every topic; otherwise the ledger's alone.
        draw_noise_key: a secret for a domain with central noise; drawn from the scenario's seed.

    Attributes:
        ledger: values of the ledger's records, in the order of the chain.
        dead_letters: by reason.
    """

    def __init__(
        self,
        engine: OnlineMAMLEngine,
        *,
        now_ms: Callable[[], int],
        clients: int,
        slope_clip: float,
        keep_log: bool,
        draw_noise_key: Callable[[], bytes] = no_keys,
    ) -> None:
        self.log = MemoryLog(now_ms=now_ms)
        self.ledger: list[bytes] = []
        self.dead_letters: Counter[str] = Counter()
        self._now_ms = now_ms
        self._keep_log = keep_log
        self._arrived: list[Record] = []
        self._readers: list[Callable[[Record], None]] = []
        # A partition's quota is an even share, its clients are not: twice as much is room enough.
        self.memory = GlobalMemory(
            2 * clients + 1000,
            partitions=self.log.partitions,
            limits=AdmissionLimits(slope_clip=slope_clip),
        )
        # Durations are virtual too: the clock stands still while the services compute.
        self._coordinator = MetaCoordinator(
            engine,
            lambda: now_ms() / 1000,
            __version__,
            draw_noise_key=draw_noise_key,
        )

    def declare(self, profile: DomainProfile) -> None:
        """Publish a domain's profile."""
        self._append(profile_record(profile, now_ms=self._now_ms()))

    def register(self, clients: Iterable[ClientRegistered]) -> None:
        """Publish registrations, also those that raise a lease."""
        for client in clients:
            self._append(registration_record(client, now_ms=self._now_ms()))
        self._discard(CLIENTS)

    def receive(self, insight: Outgoing) -> None:
        """Append an insight's record; the next :meth:`poll` folds it."""
        self._arrived.append(self.log.append(insight))

    def poll(self) -> list[tuple[LedgerEntry, tuple[Outgoing, ...]]]:
        """Fold what has arrived and make the versions that are due, with their records."""
        folded = self.memory.fold(self._arrived)
        topics = {record.position.topic for record in self._arrived}
        self._arrived = []
        for letter in folded.dead_letters:
            self.dead_letters[dict(letter.headers)["dl_reason"].decode()] += 1
            self.log.append(letter)
        for changed in folded.changed:
            self._append(changed)
        made = []
        for publication in self._coordinator.advance(self._now_ms()):
            for outgoing in publication.outgoing:
                record = self._append(outgoing)
                if outgoing.topic == LEDGER and record.value is not None:
                    self.ledger.append(record.value)
            if publication.entry is not None:
                made.append((publication.entry, publication.outgoing))
                topics.update(o.topic for o in publication.outgoing)
        self._discard(GLOBAL_MEMORY, *topics - {LEDGER})
        return made

    def publish(self, outgoing: Outgoing) -> Record:
        """Append a record of another service or of a client."""
        record = self._append(outgoing)
        self._discard(outgoing.topic)
        return record

    def watch(self, reader: Callable[[Record], None]) -> None:
        """Let another service read every record from now on, insights and dead letters aside."""
        self._readers.append(reader)

    def wake_at_ms(self) -> int | None:
        """When time alone closes the next round."""
        return self._coordinator.wake_at_ms()

    def waits(self) -> dict[str, str]:
        """Why domains have no new version."""
        return {name: wait.reason for name, wait in self._coordinator.waits.items()}

    def _append(self, outgoing: Outgoing) -> Record:
        record = self.log.append(outgoing)
        if outgoing.topic in FOLLOWED:
            self._coordinator.observe(record)
        for reader in self._readers:
            reader(record)
        return record

    def _discard(self, *topics: str) -> None:
        if self._keep_log:
            return
        for topic in topics:
            self.log.discard(topic)
