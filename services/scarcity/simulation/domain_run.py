"""One domain in a run: its crowd, its stream of rows, and who judges what it learns."""

from collections import Counter
from collections.abc import Mapping

import torch

from scarcity.client.evaluation import NewClients
from scarcity.client.holdings import domain_maps
from scarcity.client.table import Rows
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import InputError
from scarcity.memory.global_memory import Tally
from scarcity.simulation.chance import generator
from scarcity.simulation.crowd import Crowd
from scarcity.simulation.populations import Population
from scarcity.simulation.prequential import Prequential
from scarcity.simulation.result import DomainLine, EvaluationLine, PrequentialLine
from scarcity.simulation.row_stream import RowStream
from scarcity.simulation.scenario import DomainScenario


class DomainRun:
    """A domain in the run.

    Args:
        later: people after the scenario's drift; None without one.
        splits: how often the rows of new clients are dealt.

    Attributes:
        counts: dropped, lost, published.

    Raises:
        InputError: the stream's window holds no client's rows, or leaves none for a query; a drift
            without rows for all clients.
    """

    def __init__(
        self,
        scenario: DomainScenario,
        population: Population,
        later: Population | None,
        *,
        seed: int,
        splits: int,
        keep_features: bool,
    ) -> None:
        self.scenario = scenario
        self.counts: Counter[str] = Counter()
        self.faults = generator(seed, scenario.name, "faults")
        self.arrivals = generator(seed, scenario.name, "arrivals")
        self._profile = population.profile
        self._splits = splits
        self._later = later
        self._stream: RowStream | None = None
        self._prequential = Prequential(population.profile)
        if scenario.stream is not None:
            self._check_window(scenario.stream.window)
            self._stream = RowStream(scenario.name, population.training, scenario.stream.window)
            population = Population(population.profile, self._stream.held(), population.new)
        if later is not None and not later.training.keys() >= population.training.keys():
            raise InputError(f"domain {scenario.name!r}: its drift has no rows for some clients")
        self.crowd = Crowd(scenario, population, seed=seed, keep_features=keep_features)
        self._take_new_clients(population.new)

    def evaluate(self, at_s: float) -> EvaluationLine | None:
        """How new clients do with the newest version; None when there are none."""
        return self._judged_by(self._new_clients, at_s)

    def evaluate_others(self, new: Mapping[str, Rows], at_s: float) -> EvaluationLine | None:
        """As :meth:`evaluate`, with new clients of the caller's; rows not standardised."""
        return self._judged_by(_judges(self._profile, new, self._splits), at_s)

    def _judged_by(self, judges: NewClients | None, at_s: float) -> EvaluationLine | None:
        version = self.crowd.newest
        if judges is None:
            return None
        scores = judges.score(version.z, version.domain_losses, version.start_losses)
        return EvaluationLine(
            domain=version.domain,
            version=version.number,
            at_s=at_s,
            routed=scores.routed,
            uniform=scores.uniform,
            own_ridge=judges.own_ridge,
            own_mean=judges.own_mean,
            best_expert=min(scores.expert_errors),
            domain_routed=scores.domain_routed,
            own_start=judges.own_start,
        )

    def score_new(self, z: torch.Tensor, domain_losses: torch.Tensor) -> float | None:
        """Routed error of new clients that start from ``z`` [10, 129]; None when there are none."""
        if self._new_clients is None:
            return None
        return self._new_clients.score(z, domain_losses).routed

    def take_rows(self, at_s: float) -> tuple[list[ClientRegistered], bool]:
        """Predict the next row of every client, then hold it.

        Returns:
            Registrations to publish, and whether more rows will come.
        """
        if self._stream is None or not (coming := self._stream.coming()):
            return [], False
        if self.crowd.version >= 0:
            self._prequential.test(self._stream.held(), coming, self.crowd.newest, at_s)
        self._stream.advance()
        return self.crowd.hold(self._stream.held()), True

    def drift(self) -> list[ClientRegistered]:
        """Let the later people take over; returns registrations to publish."""
        if self._later is None:
            return []
        self._take_new_clients(self._later.new)
        if self._stream is not None:
            self._stream.turn(self._later.training)
            return []
        return self.crowd.hold({name: self._later.training[name] for name in self.crowd.names})

    def prequential(self) -> list[PrequentialLine]:
        """Losses of the rows that came, in their order."""
        return self._prequential.lines()

    def line(self, tally: Tally, waits: str) -> DomainLine:
        """The domain at the end; ``tally``: as the global memory counted its records."""
        crowd = self.crowd
        return DomainLine(
            domain=self.scenario.name,
            clients=len(crowd.names),
            attackers=crowd.attackers,
            new_clients=self._new_count,
            version=crowd.version,
            started=crowd.counts["started"],
            computed=crowd.counts["computed"],
            dropped=self.counts["dropped"],
            lost=self.counts["lost"],
            published=self.counts["published"],
            accepted=tally.accepted,
            ignored_duplicates=tally.duplicates,
            exhausted=crowd.counts["exhausted"],
            silenced=crowd.counts["silenced"],
            privacy=self._profile.privacy,
            waits=waits,
        )

    def _check_window(self, window: int) -> None:
        if window <= self._profile.support_rows:
            raise InputError(
                f"domain {self.scenario.name!r}: its stream's window is {window} rows; clients "
                f"adapt on {self._profile.support_rows} of them, and at least one more is needed: "
                "set support_rows lower"
            )

    def _take_new_clients(self, new: Mapping[str, Rows]) -> None:
        self._new_count = len(new)
        self._new_clients = _judges(self._profile, new, self._splits)


def _judges(profile: DomainProfile, new: Mapping[str, Rows], splits: int) -> NewClients | None:
    rows = {name: own.standardised(profile) for name, own in new.items()}
    tensors = {n: (torch.from_numpy(r.x), torch.from_numpy(r.y)) for n, r in rows.items()}
    if not any(len(y) > profile.support_rows for _, y in tensors.values()):
        return None
    return NewClients(
        domain_maps(profile),
        tensors,
        support_rows=profile.support_rows,
        splits=splits,
        experts=profile.expert_numbers,
    )
