"""The gossip of one domain in a run: the clients' own core, and their records in the log.

Clients see what they would see: plans and offers as records of their topics.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from scarcity.client.gossip_exchange import Exchange, GossipExchange, open_weights
from scarcity.client.gossip_payload import write_message
from scarcity.client.outgoing import weights_record
from scarcity.client.table import Rows
from scarcity.client.trades import Trades
from scarcity.client.versions import Version, default_version
from scarcity.client.view import DomainView
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.types import Outgoing, Record
from scarcity.simulation.attacks.gossip_poisoning import WeightAttack
from scarcity.simulation.chance import draw_delay, generator
from scarcity.simulation.domain_run import DomainRun
from scarcity.simulation.event_queue import EventQueue
from scarcity.simulation.gossip_judges import OwnRows
from scarcity.simulation.gossip_scenario import Gossip
from scarcity.simulation.result import GossipLine
from scarcity.simulation.services import Services


class DomainGossip:
    """The gossip of one domain's clients.

    Args:
        apart: rows by which clients' own priors are judged, by client.

    Attributes:
        cycle: number of the last one in which clients offered.
        lines: what was found so far.
    """

    def __init__(
        self,
        scenario: Gossip,
        domain: DomainRun,
        apart: Mapping[str, Rows],
        queue: EventQueue,
        services: Services,
        *,
        seed: int,
    ) -> None:
        self._scenario = scenario
        self._domain = domain
        self._queue = queue
        self._services = services
        crowd = domain.crowd
        self._name = crowd.profile.domain
        self._view = DomainView(self._name, frozenset(crowd.names))
        self._trades = Trades(scenario.wait_s)
        exchanges = [GossipExchange(group, scenario.rules) for group in crowd.groups]
        self._exchange_of = {c: e for e in exchanges for c in e.client_ids}
        self._chance = generator(seed, self._name, "gossip")
        self._attack_of = self._recruit(seed)
        honest = [name for name in crowd.names if name not in self._attack_of]
        many = min(scenario.judged_peers, len(honest))
        drawn = generator(seed, self._name, "judged").choice(len(honest), many, replace=False)
        self._judged = [honest[i] for i in np.sort(drawn).tolist()]
        judged = {name: apart[name] for name in honest if name in apart}
        self._own_rows = OwnRows.of(crowd.profile, crowd.rows, judged) if judged else None
        self._newest = (default_version(self._name, len(crowd.profile.features)), 0)
        self._silent = False
        self.cycle = 0
        self._counts: Counter[str] = Counter()
        self._gain = 0.0
        self.lines: list[GossipLine] = []

    def begin_cycle(self, plans: Sequence[Record]) -> None:
        """Read the planner's records, then offer."""
        for record in plans:
            self._view.apply(record)
        version = self._version()
        fresh, _ = self._trades.take_up(self._view.plans.values())
        dropout = self._domain.scenario.clients.dropout
        fresh = [p for p in fresh if self._chance.random() >= dropout]
        if version is None or not fresh:
            return
        self.cycle = fresh[0].cycle
        weights: list[GossipWeights] = []
        for exchange, its_plans in self._by_exchange(fresh).items():
            offers = exchange.offer(its_plans, version, server_silent=self._silent)
            self._services.register(offers.registrations)
            weights += offers.weights
            withheld = set(offers.withheld)
            kept = [p for p in its_plans if p.client_id not in withheld]
            self._trades.offered(kept, self._queue.now_ms / 1000)
        self._send(self._forged(weights, version))
        # A moment later than the wait: the two sums of floats may differ by a bit.
        self._queue.after(self._scenario.wait_s + 0.001, self._mix)

    def judge(self) -> None:
        """Add a line."""
        version, is_led = self._newest[0], self._newest[0].number >= 0
        losses = version.domain_losses
        priors = {name: self._prior(name, version) for name in self._judged}
        newcomers = [self._domain.score_new(prior, losses) for prior in priors.values()]
        told = [error for error in newcomers if error is not None]
        every = np.stack([prior.numpy() for prior in priors.values()])
        heard = self._view.heard
        own, own_without = self._own_errors(version)
        self.lines.append(
            GossipLine(
                domain=self._name,
                cycle=self.cycle,
                at_s=self._queue.now_ms / 1000,
                version=version.number if is_led else -1,
                server_silent=self._silent,
                exchanges=self._counts["exchanges"],
                mixed=self._counts["mixed"],
                left_out=self._counts["left out"],
                gain=self._gain / max(1, self._counts["exchanges"]),
                evicted=sum(len(w.evicted) for c, w in heard.items() if c not in self._attack_of),
                spread=float(((every - every.mean(axis=0)) ** 2).sum(axis=(1, 2)).mean()),
                newcomers=sum(told) / len(told) if told else None,
                own=own,
                own_without=own_without,
            )
        )
        self._counts.clear()
        self._gain = 0.0

    @property
    def is_told(self) -> bool:
        """Whether the last line is of the last cycle."""
        return bool(self.lines) and self.lines[-1].cycle == self.cycle

    def _version(self) -> Version | None:
        """What clients start from; None while they still wait for a server that is late."""
        crowd, (known, since_ms) = self._domain.crowd, self._newest
        if crowd.version > known.number:
            known, since_ms = crowd.newest, self._queue.now_ms
            self._newest = known, since_ms
        joined_ms = 1000 * self._domain.scenario.joins_at_s
        alone_s = (self._queue.now_ms - max(since_ms, joined_ms)) / 1000
        self._silent = alone_s > self._scenario.silent_after_s
        return known if self._silent or known.number >= 0 else None

    def _by_exchange(self, plans: Sequence[GossipPlan]) -> dict[GossipExchange, list[GossipPlan]]:
        grouped: dict[GossipExchange, list[GossipPlan]] = {}
        for plan in plans:
            grouped.setdefault(self._exchange_of[plan.client_id], []).append(plan)
        return grouped

    def _forged(self, weights: Sequence[GossipWeights], version: Version) -> list[GossipWeights]:
        gangs: dict[WeightAttack, list[GossipWeights]] = {}
        for each in weights:
            if each.client_id in self._attack_of:
                gangs.setdefault(self._attack_of[each.client_id], []).append(each)
        for attack, gang in gangs.items():
            honest = [open_weights(each) for each in gang]
            forged = attack.forge(honest, version.z.numpy(), self.cycle)
            for each, message in zip(gang, forged, strict=True):
                exact = self._scenario.exact
                each.payload = write_message(message, each.client_id, each.cycle, exact=exact)
        return list(weights)

    def _send(self, weights: Sequence[GossipWeights]) -> None:
        lost = self._domain.scenario.clients.lost
        arriving: dict[float, list[Outgoing]] = {}
        for each in weights:
            record = weights_record(each, now_ms=self._queue.now_ms)
            delay_s = draw_delay(self._scenario.delay, self._chance)
            if self._chance.random() >= lost:
                arriving.setdefault(delay_s, []).append(record)
        for delay_s, records in arriving.items():
            self._queue.after(delay_s, partial(self._arrive, records))

    def _arrive(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            self._view.apply(self._services.publish(record))
        self._mix()

    def _mix(self) -> None:
        ripe = self._trades.ripe(self._view.heard, self._queue.now_ms / 1000)
        for exchange, plans in self._by_exchange(ripe).items():
            for done in exchange.take(plans, self._newest[0], self._view.heard):
                self._count(done)

    def _count(self, done: Exchange) -> None:
        if done.client_id in self._attack_of:
            return
        self._counts["exchanges"] += bool(done.mixed)
        self._counts["mixed"] += len(done.mixed)
        self._counts["left out"] += len(done.left_out)
        self._gain += done.gain

    def _prior(self, client: str, version: Version) -> Tensor:
        return self._exchange_of[client].prior(client, version)

    def _own_errors(self, version: Version) -> tuple[float | None, float | None]:
        rows = self._own_rows
        if rows is None:
            return None, None
        priors = [self._prior(name, version) for name in rows.names]
        without = [version.z] * len(priors)
        losses = version.domain_losses
        return rows.error(priors, losses), rows.error(without, losses)

    def _recruit(self, seed: int) -> dict[str, WeightAttack]:
        names = self._domain.crowd.names
        order = generator(seed, self._name, "weight-attackers").permutation(len(names))
        recruited: dict[str, WeightAttack] = {}
        for number, attackers in enumerate(self._scenario.attackers):
            chance = generator(seed, self._name, "weight-attack", str(number))
            attack, many = WeightAttack(attackers, chance), round(attackers.share * len(names))
            recruited |= dict.fromkeys((names[i] for i in order[:many]), attack)
            order = order[many:]
        return recruited
