"""Runs a scenario: the clients' and the services' own cores and codecs, under virtual time."""

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from scarcity.client.core import domain_maps
from scarcity.client.evaluation import NewClients
from scarcity.client.outgoing import insight_record
from scarcity.client.versions import Version
from scarcity.events.codec import decode_msgpack
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import META_PARAMETERS
from scarcity.events.types import Outgoing
from scarcity.simulation.chance import draw_delay, generator
from scarcity.simulation.crowd import KEPT_ROWS, Crowd, Work
from scarcity.simulation.event_queue import EventQueue
from scarcity.simulation.populations import Population, populate, with_family_scaling
from scarcity.simulation.result import DomainLine, EvaluationLine, RoundLine, SimulationResult
from scarcity.simulation.scenario import Rounds, Scenario
from scarcity.simulation.services import Services

Progress = Callable[[int, int], None]


def run(scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
    """Run a scenario to its end. Two runs on one machine give the same bytes.

    Args:
        progress: told (versions made, versions asked for), all domains together.

    Raises:
        InputError: the scenario's data cannot be used.
        ServiceError: a domain asks for a privacy mode that the clients do not have.
    """
    threads, thresholds = torch.get_num_threads(), gc.get_threshold()
    torch.set_num_threads(1)  # small batches: more threads cost more than they give
    # Insights are many small objects without cycles: looking for some among them took a third.
    gc.set_threshold(500_000, 20, 100)
    try:
        return Simulation(scenario).run(progress)
    finally:
        torch.set_num_threads(threads)
        gc.set_threshold(*thresholds)


@dataclass
class _Domain:
    """A domain in the run."""

    crowd: Crowd
    new_clients: NewClients | None
    new_count: int
    faults: np.random.Generator
    arrivals: np.random.Generator
    counts: Counter[str]


class Simulation:
    """One run of a scenario; use it once."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        populations = with_family_scaling([populate(scenario, d) for d in scenario.domains])
        self._queue = EventQueue()
        self._services = Services(
            scenario.learning,
            now_ms=lambda: self._queue.now_ms,
            clients=max(len(p.training) for p in populations),
            slope_clip=max(d.slope_clip for d in scenario.domains),
            keep_log=scenario.keep_log,
        )
        rows = sum(len(p.training) * max(map(len, p.training.values())) for p in populations)
        keep = rows <= KEPT_ROWS
        self._domains = {
            p.profile.domain: self._domain(number, p, keep) for number, p in enumerate(populations)
        }
        self._rounds: list[RoundLine] = []
        self._evaluations: list[EvaluationLine] = []
        self._polls_at_ms: set[int] = set()
        self._progress: Progress | None = None
        self._is_over = False

    @property
    def services(self) -> Services:
        """Log, memory and meta-learner of the run."""
        return self._services

    def _domain(self, number: int, population: Population, keep_features: bool) -> _Domain:
        scenario, seed = self._scenario.domains[number], self._scenario.seed
        return _Domain(
            Crowd(scenario, population, seed=seed, keep_features=keep_features),
            _new_clients(population, self._scenario.evaluate.splits),
            len(population.new),
            generator(seed, scenario.name, "faults"),
            generator(seed, scenario.name, "arrivals"),
            Counter(),
        )

    def run(self, progress: Progress | None = None) -> SimulationResult:
        """See :func:`run`."""
        self._progress = progress
        for domain in self._domains.values():
            at_ms = round(1000 * domain.crowd.scenario.joins_at_s)
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

    def _join(self, domain: _Domain) -> None:
        self._services.declare(domain.crowd.profile)
        self._services.register(domain.crowd.join(self._queue.now_ms))
        self._poll_soon()

    def _poll_soon(self) -> None:
        step = self._scenario.poll_ms
        self._poll_at(step * (self._queue.now_ms // step + 1))

    def _poll_at(self, at_ms: int) -> None:
        if at_ms not in self._polls_at_ms:
            self._polls_at_ms.add(at_ms)
            self._queue.at(at_ms, self._poll)

    def _poll(self) -> None:
        self._polls_at_ms.discard(self._queue.now_ms)
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
            )
        )
        every = self._scenario.evaluate.every_versions
        if entry.version % every == 0 or entry.version == self._scenario.versions:
            self._evaluate(domain)
        if isinstance(domain.crowd.scenario.clients.arrival, Rounds):
            self._draw_round(domain, entry.version)
        elif entry.version == 0:
            for client in range(len(domain.crowd.names)):
                self._come_again(domain, client)

    def _draw_round(self, domain: _Domain, version: int) -> None:
        """Start a version's clients; again later, while no newer version has come."""
        arrival = domain.crowd.scenario.clients.arrival
        if domain.crowd.version != version or not isinstance(arrival, Rounds):
            return
        if version >= self._scenario.versions or domain.crowd.silent.all():
            return
        idle = np.flatnonzero(~(domain.crowd.busy | domain.crowd.silent))
        many = min(arrival.clients, len(idle))
        for client in np.sort(domain.arrivals.choice(idle, many, replace=False)).tolist():
            self._start(domain, client)
        self._queue.after(arrival.retry_s, partial(self._draw_round, domain, version))

    def _come_again(self, domain: _Domain, client: int) -> None:
        arrival = domain.crowd.scenario.clients.arrival
        if domain.crowd.silent[client]:
            return
        if not isinstance(arrival, Rounds) and domain.crowd.version < self._scenario.versions:
            wait_s = float(domain.arrivals.exponential(arrival.every_s))
            self._queue.after(wait_s, partial(self._start, domain, client))

    def _start(self, domain: _Domain, client: int) -> None:
        crowd, model = domain.crowd, domain.crowd.scenario.clients
        work = crowd.start(client)
        work_s = float(crowd.pace[client]) * draw_delay(model.work, domain.faults)
        dropped, lost, duplicated = domain.faults.random(3).tolist()
        is_dropped, is_lost = dropped < model.dropout, lost < model.lost
        domain.counts["dropped"] += is_dropped
        domain.counts["lost"] += is_lost and not is_dropped
        copies = 0 if is_dropped or is_lost else 1 + (duplicated < model.duplicated)
        if not is_dropped:
            self._services.register(crowd.wait(work))
        self._queue.after(work_s, partial(self._arrive, domain, work, copies))

    def _arrive(self, domain: _Domain, work: Work, copies: int) -> None:
        domain.crowd.busy[work.client] = False
        if copies:
            if not work.done:
                self._services.register(domain.crowd.compute())
            self._publish(domain, work, copies)
        self._come_again(domain, work.client)

    def _publish(self, domain: _Domain, work: Work, copies: int) -> None:
        if work.insight is None:
            return
        record = insight_record(work.insight, now_ms=self._queue.now_ms)
        self._send(domain, record)
        for _ in range(copies - 1):
            model = domain.crowd.scenario.clients
            again_s = draw_delay(model.work, domain.faults)
            self._queue.after(again_s, partial(self._send, domain, record))

    def _send(self, domain: _Domain, record: Outgoing) -> None:
        domain.counts["published"] += 1
        self._services.receive(record)
        self._poll_soon()

    def _evaluate(self, domain: _Domain) -> None:
        if domain.new_clients is None:
            return
        version, judges = domain.crowd.newest, domain.new_clients
        scores = judges.score(version.z, version.domain_losses)
        self._evaluations.append(
            EvaluationLine(
                domain=version.domain,
                version=version.number,
                at_s=self._queue.now_ms / 1000,
                routed=scores.routed,
                uniform=scores.uniform,
                own_ridge=judges.own_ridge,
                own_mean=judges.own_mean,
                best_expert=min(scores.expert_errors),
            )
        )

    def _result(self) -> SimulationResult:
        waits = self._services.waits()
        return SimulationResult(
            name=self._scenario.name,
            seed=self._scenario.seed,
            virtual_s=self._queue.now_ms / 1000,
            rounds=self._rounds,
            evaluations=self._evaluations,
            domains=[self._line(name, waits.get(name, "")) for name in sorted(self._domains)],
            dead_letters=dict(self._services.dead_letters),
            ledger=tuple(self._services.ledger),
            parameters={
                name: d.crowd.newest.z.numpy()
                for name, d in sorted(self._domains.items())
                if d.crowd.version >= 0
            },
        )

    def _line(self, name: str, wait: str) -> DomainLine:
        domain = self._domains[name]
        crowd = domain.crowd
        remembered = self._services.memory.by_domain(name)
        return DomainLine(
            domain=name,
            clients=len(crowd.names),
            attackers=crowd.attackers,
            new_clients=domain.new_count,
            version=crowd.version,
            started=crowd.counts["started"],
            computed=crowd.counts["computed"],
            dropped=domain.counts["dropped"],
            lost=domain.counts["lost"],
            published=domain.counts["published"],
            accepted=sum(m.accepted for m in remembered),
            ignored_duplicates=sum(m.duplicates for m in remembered),
            exhausted=crowd.counts["exhausted"],
            silenced=crowd.counts["silenced"],
            privacy=crowd.profile.privacy,
            waits=wait if crowd.version < self._scenario.versions else "",
        )


def _new_clients(population: Population, splits: int) -> NewClients | None:
    profile = population.profile
    rows = {name: r.standardised(profile) for name, r in population.new.items()}
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
