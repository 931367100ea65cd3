"""The people of a simulated domain: rows of those who take part, and of those who never do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from scarcity.client.table import Rows, read_clients
from scarcity.demo import panels
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.simulation.chance import generator
from scarcity.simulation.nested import draw_nested
from scarcity.simulation.scenario import (
    CsvPanel,
    DomainScenario,
    Nested,
    Panel,
    Rounds,
    Scenario,
    Sinusoid,
)

DEFAULT_BUFFER = 32
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """Rows as they are, not standardised, by client; ``new`` ones are only evaluated."""

    profile: DomainProfile
    training: Mapping[str, Rows]
    new: Mapping[str, Rows]


def populate(scenario: Scenario, domain: DomainScenario) -> Population:
    """Make or read a domain's people.

    Raises:
        InputError: a file or a panel cannot be used; too few rows.
    """
    data = domain.data
    if isinstance(data, Sinusoid):
        purpose = f"data-{data.draw}" if data.draw else "data"
        chance = generator(scenario.seed, domain.name, purpose)
        training, new = _sinusoids(data, domain.name, chance)
        return _finish(domain, ("x",), "y", training, new, support_rows=0)
    if isinstance(data, Nested):
        training, new = draw_nested(data, scenario.seed)
        names = tuple(f"x{number}" for number in range(1, data.inputs + 1))
        return _finish(domain, names, "y", training, new, support_rows=0)
    if isinstance(data, Panel):
        return _panel(domain, data)
    return _csv(scenario.directory, domain, data)


def _sinusoids(
    data: Sinusoid, name: str, chance: np.random.Generator
) -> tuple[dict[str, Rows], dict[str, Rows]]:
    def draw(clients: int, rows: int, stem: str) -> dict[str, Rows]:
        amplitude, frequency, phase = (
            chance.uniform(*limits, size=(clients, 1))
            for limits in (data.amplitude, data.frequency, data.phase)
        )
        x = chance.uniform(*data.inputs, size=(clients, rows))
        y = amplitude * np.sin(frequency * x + phase)
        y = y + data.noise * chance.standard_normal(y.shape)
        return {f"{stem}-{i:06d}": Rows(x[i, :, None], y[i]) for i in range(clients)}

    return draw(data.clients, data.rows, name), draw(data.new_clients, data.new_rows, f"{name}-new")


def _panel(domain: DomainScenario, data: Panel) -> Population:
    panel = panels.load_panel(data.name)
    parts = panels.split(panel, data.split)

    def rows(names: tuple[str, ...]) -> dict[str, Rows]:
        return {f"{domain.name}-{_plain(n)}": Rows(*panel.entities[n]) for n in names}

    support_rows = panels.SUPPORT_ROWS[panel.name]
    training, new = rows(parts.training), rows(parts.new)
    return _finish(domain, panel.features, panel.target, training, new, support_rows)


def _csv(directory: Path, domain: DomainScenario, data: CsvPanel) -> Population:
    columns = tuple(Column(name, 0.0, 1.0) for name in data.features)
    raw = DomainProfile(
        domain.name,
        domain.family or domain.name,
        columns,
        Column(data.target, 0.0, 1.0),
        support_rows=domain.support_rows or 1,
    )
    clients = read_clients(directory / data.path, raw, entity=data.entity)
    if data.new_path:
        apart = read_clients(directory / data.new_path, raw, entity=data.entity)
        return _finish(domain, data.features, data.target, clients, apart, support_rows=0)
    names = sorted(clients)
    order = np.random.default_rng(data.split).permutation(len(names))
    cut = round(panels.TRAINING_SHARE * len(names))
    if not 0 < cut < len(names):
        raise InputError(f"{directory / data.path}: {len(names)} entities; at least 2 are needed")
    training = {names[i]: clients[names[i]] for i in sorted(order[:cut])}
    new = {names[i]: clients[names[i]] for i in sorted(order[cut:])}
    return _finish(domain, data.features, data.target, training, new, support_rows=0)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _finish(
    domain: DomainScenario,
    features: tuple[str, ...],
    target: str,
    training: dict[str, Rows],
    new: dict[str, Rows],
    support_rows: int,
) -> Population:
    for name in domain.scaling:
        if name not in (*features, target):
            raise InputError(f"domain {domain.name!r}: scaling: it has no column {name!r}")
    shortest = min(map(len, training.values()))
    if domain.stream is not None:
        shortest = min(shortest, domain.stream.window)
    support = domain.support_rows or support_rows or max(1, shortest // 2)
    enough = {name: rows for name, rows in training.items() if len(rows) > support}
    if not enough:
        raise InputError(
            f"domain {domain.name!r}: support_rows is {support}, and no client has more rows"
        )
    x = np.concatenate([rows.x for rows in enough.values()])
    y = np.concatenate([rows.y for rows in enough.values()])
    profile = DomainProfile(
        domain=domain.name,
        family=domain.family or domain.name,
        features=tuple(_column(domain, name, x[:, i]) for i, name in enumerate(features)),
        target=_column(domain, target, y),
        privacy=domain.privacy,
        support_rows=support,
        slopes=domain.slopes,
        slope_clip=domain.slope_clip,
        slopes_per_expert=domain.slopes_per_expert,
        experts=domain.experts,
        policy=domain.policy or default_policy(domain, len(enough)),
        dp=domain.dp,
    )
    return Population(profile, enough, new)


def default_policy(domain: DomainScenario, clients: int) -> RoundPolicy:
    """A round closes at the drawn insights, or with half of them when the slowest are too late.

    In mode `dp` it closes at its deadline, with half of the expected clients or more.
    """
    arrival, work = domain.clients.arrival, domain.clients.work
    wanted = arrival.clients if isinstance(arrival, Rounds) else DEFAULT_BUFFER
    buffer = min(wanted, clients)
    if domain.dp is not None:
        buffer = max(1, int(clients * domain.dp.sampling_rate))
    return RoundPolicy(
        mode="async" if domain.dp is None else "deadline",
        buffer=buffer,
        min_clients=max(1, buffer // 2),
        deadline_s=max(1.0, 10 * work.mean_s),
        active_s=max(60.0, 100 * work.mean_s),
    )


def _column(domain: DomainScenario, name: str, values: Array) -> Column:
    if name in domain.scaling:
        return Column(name, *domain.scaling[name])
    center = float(values.mean())
    spread = sqrt(float(((values - center) ** 2).mean()))
    return Column(name, center, spread if spread > 0 else 1.0)


def with_family_scaling(populations: list[Population]) -> list[Population]:
    """Domains of one family share inputs, hence one scaling: the first domain's.

    Raises:
        InputError: their columns differ.
    """
    first: dict[str, DomainProfile] = {}
    result = []
    for population in populations:
        profile = population.profile
        leader = first.setdefault(profile.family, profile)
        if [c.name for c in leader.columns] != [c.name for c in profile.columns]:
            raise InputError(
                f"domain {profile.domain!r}: family {profile.family!r} has the columns of "
                f"{leader.domain!r}, which are others"
            )
        same: Callable[..., DomainProfile] = msgspec.structs.replace
        profile = same(profile, features=leader.features, target=leader.target)
        result.append(Population(profile, population.training, population.new))
    return result
