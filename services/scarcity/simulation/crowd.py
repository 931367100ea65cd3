"""The clients of one domain: real client cores, computed many at once when an insight is due.

An insight depends on the client, its sequence number and the version it started from, and not on
when it is computed. So started work waits until the first of it arrives, and is then computed for
all clients that started from one version together.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scarcity.client.core import ClientGroup
from scarcity.client.noising import Discretion
from scarcity.client.table import Rows
from scarcity.client.versions import Version
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.insight import Insight
from scarcity.simulation.attacks.forging import Circumstances
from scarcity.simulation.attacks.poisoning import Attack, make_attack
from scarcity.simulation.chance import draw_staleness, generator
from scarcity.simulation.populations import Population
from scarcity.simulation.scenario import DomainScenario

# Features of eight rows of so many clients stay in a core's cache.
TOGETHER = 64
# Rows of which the features are kept between rounds, all domains: 10 * 64 * 8 bytes a row.
KEPT_ROWS = 160_000
GROUP_ROWS = 60_000
VERSIONS_KEPT = 400
MAX_WAITING = 2048

Item = TypeVar("Item")


@dataclass(slots=True)
class Work:
    """A round of one client, from reading the parameters to the insight's arrival.

    Attributes:
        done: whether ``insight`` was computed; it may be None then, when there is nothing to say.
    """

    client: int
    current: Version
    previous: Version | None
    done: bool = False
    insight: Insight | None = None


class Crowd:
    """Clients of a domain.

    Attributes:
        counts: started, computed, exhausted (budget spent: losses alone from then on), silenced
            (not even these).
        busy, silent: bool by client; neither can be started.
    """

    def __init__(
        self, scenario: DomainScenario, population: Population, *, seed: int, keep_features: bool
    ) -> None:
        self.scenario = scenario
        self.profile = population.profile
        self.names = list(population.training)
        self.counts: Counter[str] = Counter()
        self.busy = np.zeros(len(self.names), dtype=bool)
        self.silent = np.zeros(len(self.names), dtype=bool)
        self._waiting: list[Work] = []
        self._versions: deque[Version] = deque(maxlen=VERSIONS_KEPT)
        secret = hashlib.sha256(f"{seed}/{scenario.name}/secret".encode()).digest()
        self._attack_of: dict[int, Attack] = {}
        population = self._recruit(population, seed)
        self._groups = _groups(population, secret, keep_features=keep_features)
        self._group_of = {c: group for group in self._groups for c in group.client_ids}
        # In mode `dp` most coins say no.
        rate = 1.0 if scenario.dp is None else scenario.dp.sampling_rate
        self._together = round(TOGETHER / rate)
        self._staleness = generator(seed, scenario.name, "staleness")
        slow = generator(seed, scenario.name, "slow").random(len(self.names))
        model = scenario.clients
        self.pace = np.where(slow < model.slow_share, model.slow_factor, 1.0)

    @property
    def version(self) -> int:
        """Number of the newest version; -1 before any."""
        return self._versions[-1].number if self._versions else -1

    @property
    def newest(self) -> Version:
        """The newest version; call only when there is one."""
        return self._versions[-1]

    @property
    def attackers(self) -> int:
        """Number of clients that attack."""
        return len(self._attack_of)

    @property
    def groups(self) -> Sequence[ClientGroup]:
        """The client cores."""
        return self._groups

    @property
    def rows(self) -> dict[str, Rows]:
        """What each client holds."""
        return {name: rows for group in self._groups for name, rows in group.rows.items()}

    def idle(self) -> npt.NDArray[np.int64]:
        """Numbers of the clients that can be started, ascending."""
        return np.flatnonzero(~(self.busy | self.silent))

    def join(self, now_ms: int) -> list[ClientRegistered]:
        """Register every client; returns what is to be published."""
        return [event for group in self._groups for event in group.join(now_ms, {})]

    def hold(self, rows: Mapping[str, Rows]) -> list[ClientRegistered]:
        """Let every client hold other rows; returns registrations to publish.

        Work that was started has seen the rows of before, so it is computed first.
        """
        registrations = self.compute()
        for group in self._groups:
            group.hold({name: rows[name] for name in group.client_ids})
        return registrations

    def see(self, version: Version) -> None:
        """Take a new version."""
        self._versions.append(version)

    def start(self, client: int) -> Work:
        """Start a client's round on the newest version, or on an older one by its staleness."""
        behind = draw_staleness(self.scenario.clients.staleness, self._staleness)
        place = max(0, len(self._versions) - 1 - behind)
        previous = self._versions[place - 1] if place else None
        self.busy[client] = True
        self.counts["started"] += 1
        return Work(client, self._versions[place], previous)

    def wait(self, work: Work) -> list[ClientRegistered]:
        """Queue work whose insight will arrive; returns registrations to publish."""
        self._waiting.append(work)
        return self.compute() if len(self._waiting) >= MAX_WAITING else []

    def compute(self) -> list[ClientRegistered]:
        """Compute all waiting work; returns registrations (raised leases) to publish first."""
        raised: list[ClientRegistered] = []
        by_start: dict[tuple[int, int], list[Work]] = {}
        for work in self._waiting:
            group = self._group_of[self.names[work.client]]
            by_start.setdefault((work.current.number, id(group)), []).append(work)
        self._waiting = []
        for works in by_start.values():
            for some in in_batches(works, self._together):
                raised.extend(self._train(some))
        self._attack(by_start.values())
        return raised

    def _train(self, works: Sequence[Work]) -> list[ClientRegistered]:
        first, names = works[0], [self.names[work.client] for work in works]
        group = self._group_of[names[0]]
        published = group.train(names, first.current, first.previous)
        insights = {insight.client_id: insight for insight in published.insights}
        for work, name in zip(works, names, strict=True):
            work.done, work.insight = True, insights.get(name)
            self.silent[work.client] |= name in published.silenced
        self.counts["computed"] += len(works) if self.profile.dp is None else len(insights)
        self.counts["exhausted"] += len(published.exhausted)
        self.counts["silenced"] += len(published.silenced)
        return published.registrations

    def _attack(self, started: Iterable[Sequence[Work]]) -> None:
        if not self._attack_of:
            return
        for works in started:
            by_attack: dict[int, list[Work]] = {}
            for work in works:
                attack = self._attack_of.get(work.client)
                if attack is not None and work.insight is not None:
                    by_attack.setdefault(id(attack), []).append(work)
            for colluding in by_attack.values():
                attack = self._attack_of[colluding[0].client]
                honest = [work.insight for work in colluding if work.insight is not None]
                current, previous = colluding[0].current, colluding[0].previous
                step = None if previous is None else (current.z - previous.z).numpy()
                at = Circumstances(self.scenario.name, self.profile.slope_clip, step)
                for work, forged in zip(colluding, attack.forge(honest, at), strict=True):
                    work.insight = forged

    def _recruit(self, population: Population, seed: int) -> Population:
        """Draw the attackers; returns the population with the rows that they hold."""
        order = generator(seed, self.scenario.name, "attackers").permutation(len(self.names))
        rows = dict(population.training)
        for number, attackers in enumerate(self.scenario.attackers):
            attack = make_attack(attackers, seed=f"{seed}/{self.scenario.name}/{number}")
            many = round(attackers.share * len(self.names))
            gang, order = order[:many].tolist(), order[many:]
            self._attack_of |= dict.fromkeys(gang, attack)
            if attackers.attack == "many-ids":
                rows |= {self.names[client]: rows[self.names[gang[0]]] for client in gang}
        return replace(population, training=rows)


def _groups(population: Population, secret: bytes, *, keep_features: bool) -> list[ClientGroup]:
    """Client cores; a core keeps the features of its rows when they are few enough."""
    rows = population.training
    names = list(rows)
    longest = max(len(r) for r in rows.values())
    size = max(1, GROUP_ROWS // longest) if keep_features else len(names)
    return [
        ClientGroup(
            population.profile,
            {name: rows[name] for name in some},
            discretion=Discretion(secret),
        )
        for some in in_batches(names, size)
    ]


def in_batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Runs of at most ``size`` items.

    >>> in_batches("abcde", 2)
    ['ab', 'cd', 'e']
    """
    return [items[at : at + size] for at in range(0, len(items), size)]
