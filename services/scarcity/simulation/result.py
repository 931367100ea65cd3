"""What a simulation found; holds nothing of the machine that ran it, so two runs are equal."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from scarcity.events.ledger_entry import LedgerEntry


class RoundLine(msgspec.Struct, frozen=True, tag_field="line", tag="round"):
    """One version of a domain. Losses: mean squared query error, target standardised."""

    domain: str
    version: int
    at_s: float
    clients: int
    closed_by: str
    mean_loss: float | None
    mean_staleness_versions: float
    reverted: bool
    step_scale: float


class EvaluationLine(msgspec.Struct, frozen=True, tag_field="line", tag="evaluation"):
    """Errors of new clients after adapting a version to a few own rows."""

    domain: str
    version: int
    at_s: float
    routed: float
    uniform: float
    own_ridge: float
    own_mean: float
    best_expert: float


class DomainLine(msgspec.Struct, frozen=True, tag_field="line", tag="domain"):
    """A domain at the end.

    Attributes:
        started: client-rounds begun; ``computed``: insights computed (dropped rounds compute none).
        published: records sent, duplicates among them; ``lost``: insights that never arrived.
        accepted, ignored_duplicates: as the global memory counted them.
        exhausted: clients that spent their privacy budget and went on with losses alone.
        silenced: clients whose budget does not hold even these.
        waits: why it has no newer version; empty when it has all that were asked for.
    """

    domain: str
    clients: int
    attackers: int
    new_clients: int
    version: int
    started: int
    computed: int
    dropped: int
    lost: int
    published: int
    accepted: int
    ignored_duplicates: int
    exhausted: int
    silenced: int
    privacy: str
    waits: str


class SimulationLine(msgspec.Struct, frozen=True, tag_field="line", tag="simulation"):
    """The whole run; ``ledger_hash``: hex SHA-256 of the ledger's records, one after the other."""

    name: str
    seed: int
    virtual_s: float
    client_rounds: int
    dead_letters: dict[str, int]
    ledger_length: int
    ledger_hash: str


Line = RoundLine | EvaluationLine | DomainLine | SimulationLine


@dataclass(frozen=True)
class SimulationResult:
    """All figures of a run.

    Attributes:
        ledger: values of the ledger's records, in the order of the chain.
        parameters: z of each domain's last version; float64 [E, 129].
    """

    name: str
    seed: int
    virtual_s: float
    rounds: list[RoundLine]
    evaluations: list[EvaluationLine]
    domains: list[DomainLine]
    dead_letters: Mapping[str, int]
    ledger: tuple[bytes, ...]
    parameters: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    @property
    def client_rounds(self) -> int:
        """Insights computed by clients."""
        return sum(d.computed for d in self.domains)

    @property
    def ledger_hash(self) -> str:
        """Hex SHA-256 of the ledger's records."""
        digest = hashlib.sha256()
        for value in self.ledger:
            digest.update(value + b"\n")
        return digest.hexdigest()

    def entries(self) -> list[LedgerEntry]:
        """The ledger, decoded."""
        return [msgspec.json.decode(value, type=LedgerEntry) for value in self.ledger]

    def last_evaluation(self, domain: str) -> EvaluationLine | None:
        """A domain's newest evaluation."""
        found = [e for e in self.evaluations if e.domain == domain]
        return found[-1] if found else None

    def lines(self) -> Iterator[Line]:
        """Every line of the result: the run, its domains, evaluations and rounds."""
        yield SimulationLine(
            self.name,
            self.seed,
            self.virtual_s,
            self.client_rounds,
            dict(sorted(self.dead_letters.items())),
            len(self.ledger),
            self.ledger_hash,
        )
        yield from self.domains
        yield from self.evaluations
        yield from self.rounds

    def json_lines(self) -> bytes:
        """The lines as JSON, one a line."""
        return b"".join(msgspec.json.encode(line) + b"\n" for line in self.lines())
