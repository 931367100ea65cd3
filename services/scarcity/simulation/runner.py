"""Runs a scenario: the clients' and the services' own cores and codecs, under virtual time."""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import torch

from scarcity.client.table import Rows
from scarcity.client.versions import Version
from scarcity.events.codec import decode_msgpack
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import META_PARAMETERS
from scarcity.events.types import Outgoing
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.simulation.client_rounds import ClientRounds
from scarcity.simulation.crowd import KEPT_ROWS
from scarcity.simulation.domain_run import DomainRun
from scarcity.simulation.event_queue import EventQueue
from scarcity.simulation.gossip import GossipRun
from scarcity.simulation.gossip_judges import hold_out
from scarcity.simulation.populations import Population, populate, with_family_scaling
from scarcity.simulation.result import DomainLine, EvaluationLine, RoundLine, SimulationResult
from scarcity.simulation.scenario import Scenario
from scarcity.simulation.services import Services, noise_keys

Progress = Callable[[int, int], None]


def run(
    scenario: Scenario, progress: Progress | None = None, *, engine: OnlineMAMLEngine | None = None
) -> SimulationResult:
    """Run a scenario to its end. Two runs on one machine give the same bytes.

    Args:
        progress: told (versions made, versions asked for), all domains together.
        engine: makes the versions instead of the scenario's own rules: for comparisons.

    Raises:
        InputError: the scenario's data cannot be used.
        ServiceError: a domain asks for a privacy mode that the clients do not have.
    """
    threads, thresholds = torch.get_num_threads(), gc.get_threshold()
    torch.set_num_threads(1)  # small batches: more threads cost more than they give
    # Insights are many small objects without cycles: looking for some among them took a third.
    gc.set_threshold(500_000, 20, 100)
    try:
        return Simulation(scenario, engine).run(progress)
    finally:
        torch.set_num_threads(threads)
        gc.set_threshold(*thresholds)


class Simulation:
    """One run of a scenario; use it once."""

    def __init__(self, scenario: Scenario, engine: OnlineMAMLEngine | None = None) -> None:
        self._scenario = scenario
        populations = with_family_scaling([populate(scenario, d) for d in scenario.domains])
        held_out = 0.0 if scenario.gossip is None else scenario.gossip.held_out
        shared = [hold_out(p, held_out, scenario.seed) for p in populations]
        populations = [population for population, _ in shared]
        self._queue = EventQueue()
        self._services = Services(
            engine or OnlineMAMLEngine(scenario.learning),
            now_ms=lambda: self._queue.now_ms,
            clients=max(len(p.training) for p in populations),
            slope_clip=max(d.slope_clip for d in scenario.domains),
            keep_log=scenario.keep_log,
            draw_noise_key=noise_keys(scenario.seed),
        )
        self._rounds_of_clients = ClientRounds(
            self._queue, self._services, versions=scenario.versions, arrived=self._poll_soon
        )
        rows = sum(len(p.training) * max(map(len, p.training.values())) for p in populations)
        keep = rows <= KEPT_ROWS
        self._domains = {
            p.profile.domain: self._domain(number, p, keep) for number, p in enumerate(populations)
        }
        self._gossip: GossipRun | None = None
        if scenario.gossip is not None:
            self._gossip = GossipRun(
                scenario.gossip,
                self._domains,
                {p.profile.domain: apart for p, apart in shared},
                self._queue,
                self._services,
                seed=scenario.seed,
                goes_on=scenario.outage is not None,
            )
        self._rounds: list[RoundLine] = []
        self._evaluations: list[EvaluationLine] = []
        self._polls_at_ms: set[int] = set()
        self._progress: Progress | None = None
        self._is_over = False

    @property
    def services(self) -> Services:
        """Log, memory and meta-learner of the run."""
        return self._services

    def evaluate_others(self, domain: str, new: Mapping[str, Rows]) -> EvaluationLine | None:
        """How new clients of the caller's do with a domain's newest version."""
        return self._domains[domain].evaluate_others(new, self._queue.now_ms / 1000)

    def _domain(self, number: int, population: Population, keep_features: bool) -> DomainRun:
        scenario = self._scenario.domains[number]
        later = None
        if scenario.drift is not None:
            drifted = msgspec.structs.replace(scenario, data=scenario.drift.data)
            later = populate(self._scenario, drifted)
        return DomainRun(
            scenario,
            population,
            later,
            seed=self._scenario.seed,
            splits=self._scenario.evaluate.splits,
            keep_features=keep_features,
        )

    def run(self, progress: Progress | None = None) -> SimulationResult:
        """See :func:`run`."""
        self._progress = progress
        for domain in self._domains.values():
            at_ms = round(1000 * domain.scenario.joins_at_s)
            self._queue.at(at_ms, partial(self._join, domain))
        limit_ms = round(1000 * self._scenario.limit_s)
        self._queue.run(until=lambda: self._is_over, limit_ms=limit_ms)
        return self._result()

    def _count_versions(self) -> None:
        wanted = self._scenario.versions
        versions = [min(wanted, max(0, d.crowd.version)) for d in self._domains.values()]
        self._is_over = all(v >= wanted for v in versions)
        if self._progress is not None:
            self._progress(sum(versions), wanted * len(versions))

    def _join(self, domain: DomainRun) -> None:
        self._services.declare(domain.crowd.profile)
        self._services.register(domain.crowd.join(self._queue.now_ms))
        self._poll_soon()
        if domain.scenario.stream is not None:
            self._queue.after(domain.scenario.stream.row_every_s, partial(self._take_rows, domain))

    def _take_rows(self, domain: DomainRun) -> None:
        stream = domain.scenario.stream
        registrations, has_more = domain.take_rows(self._queue.now_ms / 1000)
        self._services.register(registrations)
        if stream is not None and has_more and domain.crowd.version < self._scenario.versions:
            self._queue.after(stream.row_every_s, partial(self._take_rows, domain))

    def _poll_soon(self) -> None:
        step = self._scenario.poll_ms
        self._poll_at(step * (self._queue.now_ms // step + 1))

    def _poll_at(self, at_ms: int) -> None:
        if at_ms not in self._polls_at_ms:
            self._polls_at_ms.add(at_ms)
            self._queue.at(at_ms, self._poll)

    def _poll(self) -> None:
        self._polls_at_ms.discard(self._queue.now_ms)
        outage = self._scenario.outage
        if outage is not None and outage.from_s <= self._queue.now_ms / 1000 < outage.to_s:
            self._poll_at(round(1000 * outage.to_s))
            return
        for entry, outgoing in self._services.poll():
            self._take_version(entry, outgoing)
            self._count_versions()
        wake_at_ms = self._services.wake_at_ms()
        if wake_at_ms is not None:
            self._poll_at(max(wake_at_ms, self._queue.now_ms + 1))

    def _take_version(self, entry: LedgerEntry, outgoing: Sequence[Outgoing]) -> None:
        domain = self._domains[entry.domain]
        value = next(o.value for o in outgoing if o.topic == META_PARAMETERS)
        domain.crowd.see(Version.of(decode_msgpack(value, MetaParameters)))
        self._rounds.append(
            RoundLine(
                domain=entry.domain,
                version=entry.version,
                at_s=self._queue.now_ms / 1000,
                clients=entry.clients,
                closed_by=entry.closed_by,
                mean_loss=entry.mean_loss,
                mean_staleness_versions=entry.mean_staleness_versions,
                reverted=entry.reverted,
                step_scale=entry.step_scale,
                epsilon=None if entry.dp is None else entry.dp.epsilon,
            )
        )
        drift = domain.scenario.drift
        if drift is not None and entry.version == drift.at_version:
            self._services.register(domain.drift())
        every = self._scenario.evaluate.every_versions
        if entry.version % every == 0 or entry.version == self._scenario.versions:
            line = domain.evaluate(self._queue.now_ms / 1000)
            self._evaluations.extend([] if line is None else [line])
        self._rounds_of_clients.begin(domain, entry.version)

    def _result(self) -> SimulationResult:
        waits = self._services.waits()
        newest = {
            name: domain.crowd.newest
            for name, domain in sorted(self._domains.items())
            if domain.crowd.version >= 0
        }
        return SimulationResult(
            name=self._scenario.name,
            seed=self._scenario.seed,
            virtual_s=self._queue.now_ms / 1000,
            rounds=self._rounds,
            evaluations=self._evaluations,
            domains=[self._line(name, waits.get(name, "")) for name in sorted(self._domains)],
            prequential=[
                line for _, d in sorted(self._domains.items()) for line in d.prequential()
            ],
            gossip=[] if self._gossip is None else self._gossip.finish(),
            dead_letters=dict(self._services.dead_letters),
            ledger=tuple(self._services.ledger),
            parameters={name: version.z.numpy() for name, version in newest.items()},
            domain_losses={name: v.domain_losses.numpy() for name, v in newest.items()},
        )

    def _line(self, name: str, waits: str) -> DomainLine:
        domain = self._domains[name]
        is_done = domain.crowd.version >= self._scenario.versions
        return domain.line(self._services.memory.tally(name), "" if is_done else waits)
