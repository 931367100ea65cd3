"""Who takes part when: from a client's start to its insight's arrival, with what goes wrong."""

from collections.abc import Callable
from functools import partial

import numpy as np

from scarcity.client.outgoing import insight_record
from scarcity.events.types import Outgoing
from scarcity.simulation.chance import draw_delay
from scarcity.simulation.crowd import Work
from scarcity.simulation.domain_run import DomainRun
from scarcity.simulation.event_queue import EventQueue
from scarcity.simulation.scenario import Concurrent, Rounds, Stream
from scarcity.simulation.services import Services


class ClientRounds:
    """Rounds of the clients of all domains.

    Args:
        versions: of a domain; no client starts after the last.
        arrived: called after each record that reaches the services.
    """

    def __init__(
        self,
        queue: EventQueue,
        services: Services,
        *,
        versions: int,
        arrived: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._services = services
        self._versions = versions
        self._arrived = arrived

    def begin(self, domain: DomainRun, version: int) -> None:
        """A domain has a new version: start those whom it starts."""
        arrival = domain.scenario.clients.arrival
        if isinstance(arrival, Rounds):
            self._draw_round(domain, version)
        elif version == 0 and isinstance(arrival, Concurrent):
            for _ in range(arrival.clients):
                self._start_another(domain)
        elif version == 0:
            for client in range(len(domain.crowd.names)):
                self._come_again(domain, client)

    def _start_another(self, domain: DomainRun) -> None:
        idle = domain.crowd.idle()
        if len(idle) and domain.crowd.version < self._versions:
            self._start(domain, int(domain.arrivals.choice(idle)))

    def _draw_round(self, domain: DomainRun, version: int) -> None:
        """Start a version's clients; again later, while no newer version has come."""
        arrival = domain.scenario.clients.arrival
        if domain.crowd.version != version or not isinstance(arrival, Rounds):
            return
        if version >= self._versions or domain.crowd.silent.all():
            return
        idle = domain.crowd.idle()
        # In mode `dp` a client's own coin says who takes part.
        is_noised = domain.scenario.dp is not None
        many = len(idle) if is_noised else min(arrival.clients, len(idle))
        for client in np.sort(domain.arrivals.choice(idle, many, replace=False)).tolist():
            self._start(domain, client)
        self._queue.after(arrival.retry_s, partial(self._draw_round, domain, version))

    def _come_again(self, domain: DomainRun, client: int) -> None:
        arrival = domain.scenario.clients.arrival
        if isinstance(arrival, Concurrent):
            self._start_another(domain)
        if domain.crowd.silent[client]:
            return
        if isinstance(arrival, Stream) and domain.crowd.version < self._versions:
            wait_s = float(domain.arrivals.exponential(arrival.every_s))
            self._queue.after(wait_s, partial(self._start, domain, client))

    def _start(self, domain: DomainRun, client: int) -> None:
        crowd, model = domain.crowd, domain.scenario.clients
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

    def _arrive(self, domain: DomainRun, work: Work, copies: int) -> None:
        domain.crowd.busy[work.client] = False
        if copies:
            if not work.done:
                self._services.register(domain.crowd.compute())
            self._publish(domain, work, copies)
        self._come_again(domain, work.client)

    def _publish(self, domain: DomainRun, work: Work, copies: int) -> None:
        if work.insight is None:
            return
        record = insight_record(work.insight, now_ms=self._queue.now_ms)
        self._send(domain, record)
        for _ in range(copies - 1):
            model = domain.scenario.clients
            again_s = draw_delay(model.work, domain.faults)
            self._queue.after(again_s, partial(self._send, domain, record))

    def _send(self, domain: DomainRun, record: Outgoing) -> None:
        domain.counts["published"] += 1
        self._services.receive(record)
        self._arrived()
