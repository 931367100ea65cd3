"""What a simulation found; holds nothing of the machine that ran it, so two runs are equal."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from scarcity.events.ledger_entry import LedgerEntry


class RoundLine(msgspec.Struct, frozen=True, tag_field="line", tag="round"):
    """One version of a domain. Losses: mean squared query error, target standardised.

    ``epsilon``: spent so far, in privacy mode `dp`.
    """

    domain: str
    version: int
    at_s: float
    clients: int
    closed_by: str
    mean_loss: float | None
    mean_staleness_versions: float
    reverted: bool
    step_scale: float
    epsilon: float | None = None


class EvaluationLine(msgspec.Struct, frozen=True, tag_field="line", tag="evaluation"):
    """Errors of new clients after adapting a version to a few own rows.

    Attributes:
        routed: as clients predict; ``domain_routed``: by the domain's start alone, and
            ``own_start``: by the default start alone (learning/own_start.py).
    """

    domain: str
    version: int
    at_s: float
    routed: float
    uniform: float
    own_ridge: float
    own_mean: float
    best_expert: float
    domain_routed: float
    own_start: float


class PrequentialLine(msgspec.Struct, frozen=True, tag_field="line", tag="prequential"):
    """Errors of the rows that came to a domain's stream at one time, before they were learned of.

    Attributes:
        version: the newest then.
        no_meta: adapted from the default start, experts weighed by the client's own losses alone.
        own_ridge: linear, on the rows held; penalties tuned in hindsight on the whole stream.
    """

    domain: str
    version: int
    at_s: float
    rows: int
    routed: float
    no_meta: float
    own_ridge: float
    own_mean: float


class GossipLine(msgspec.Struct, frozen=True, tag_field="line", tag="gossip"):
    """Gossip of a domain since its last such line; errors as of now, of honest clients alone.

    Attributes:
        server_silent: clients learn on without it.
        exchanges: of clients that mixed; ``mixed``: peers' priors mixed in; ``left_out``: heard and
            not mixed in; ``gain``: mean relative gain in the own loss, an exchange.
        evicted: pairs of clients of which one does not listen to the other.
        spread: variance of the priors around their mean, summed over the numbers of z.
        newcomers: error of new clients that start from a peer's prior; mean over a few peers.
        own, own_without: error of clients on own rows kept apart, adapted from their own prior and
            from the newest version alone.
    """

    domain: str
    cycle: int
    at_s: float
    version: int
    server_silent: bool
    exchanges: int
    mixed: int
    left_out: int
    gain: float
    evicted: int
    spread: float
    newcomers: float | None
    own: float | None
    own_without: float | None


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


Line = RoundLine | EvaluationLine | GossipLine | PrequentialLine | DomainLine | SimulationLine


@dataclass(frozen=True)
class SimulationResult:
    """All figures of a run.

    Attributes:
        ledger: values of the ledger's records, in the order of the chain.
        parameters: z of each domain's last version; float64 [E, 129].
        domain_losses: that its clients route by; float64 [E]; NaN where no one was heard.
        prequential: of the domains whose rows come as a stream.
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
    domain_losses: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    prequential: list[PrequentialLine] = field(default_factory=list)
    gossip: list[GossipLine] = field(default_factory=list)

    def __repr__(self) -> str:
        domains = ", ".join(f"{d.domain} v{d.version}" for d in self.domains)
        return (
            f"SimulationResult({self.name!r}, seed {self.seed}, {domains or 'no domain'}; "
            f"{self.client_rounds} client-rounds, ledger of {len(self.ledger)})"
        )

    def to_pandas(self, kind: str | None = None) -> Any:
        """The lines as a DataFrame; see simulation/tables.py for ``kind``."""
        from scarcity.simulation.tables import lines_frame

        return lines_frame(self.lines(), kind)

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
        yield from self.prequential
        yield from self.gossip
        yield from self.rounds

    def json_lines(self) -> bytes:
        """The lines as JSON, one a line."""
        return b"".join(msgspec.json.encode(line) + b"\n" for line in self.lines())
