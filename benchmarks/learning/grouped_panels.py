"""Real panels whose entities lie in groups: groups become domains, entities their clients.

The archive has no panel of single clients below many states, so the nearest ones are taken, and
said to be what they are: cohorts of displaced workers below the US states, firms below industries,
counties below the regions of one state.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scarcity.demo.panel_recipes import RECIPES, Recipe, indicator, number
from scarcity.demo.panels import TRAINING_SHARE, Panel, read_panel
from scarcity.simulation.scenario import CsvPanel

_YES = ("nwhite", "school12", "bluecol", "smsa", "married", "dkids", "dykids", "head")
_REASONS = ("slack_work", "position_abolished", "seasonal_job_ended")
# McCall (1995), JBES 13: workers who lost their jobs; here the share of the wage that unemployment
# insurance replaces. Each state has laws of its own; a year's cohort shares its rate and limit.
_BENEFITS = Recipe(
    "Ecdat/Benefits",
    lambda line: f"state-{line['state']}:year-{line['yrdispl']}",
    {
        "unemployment_rate": number("stateur"),
        "maximum_benefit": number("statemb"),
        "age": number("age"),
        "tenure": number("tenure"),
        "male": indicator("sex", "male"),
        **{name: indicator(name, "yes") for name in _YES},
        **{name: indicator("joblost", name) for name in _REASONS},
    },
    ("replacement_rate", number("rr")),
    3,
)


def _with_group(recipe: Recipe, group: Callable[[Mapping[str, str]], str]) -> Recipe:
    return Recipe(
        recipe.member,
        lambda line: f"{group(line)}:{recipe.entity(line)}",
        recipe.features,
        recipe.target,
        recipe.support_rows,
    )


GROUPED = {
    "US states": _BENEFITS,
    "industries": _with_group(RECIPES["british-firms"], lambda line: f"sector-{line['sector']}"),
    "regions": _with_group(RECIPES["crime"], lambda line: line["region"]),
}
SMALLEST_GROUP = 3  # entities; fewer leave none to be judged on


@dataclass(frozen=True)
class Group:
    """A group's entities.

    Attributes:
        training, new: names of the CSV files of those who take part, and of those who never do.
        clients: how many take part.
    """

    training: str
    new: str
    clients: int


@dataclass(frozen=True)
class GroupedPanel:
    """A panel in CSV files.

    Attributes:
        groups: by name.
        everyone: all groups' entities together.
        scaling: centre and scale by column, of all rows that take part: the same for every way to
            make domains of them, or errors could not be compared.
    """

    features: tuple[str, ...]
    target: str
    support_rows: int
    groups: dict[str, Group]
    everyone: Group
    scaling: dict[str, tuple[float, float]]

    def data(self, group: Group) -> CsvPanel:
        """As a scenario names it."""
        return CsvPanel(group.training, "entity", self.target, self.features, new_path=group.new)


def write_grouped(name: str, deal: int, directory: Path) -> GroupedPanel:
    """Deal each group's entities, 70 % to take part, and write a panel's CSV files."""
    recipe = GROUPED[name]
    panel = read_panel(name, recipe)
    members: dict[str, list[str]] = {}
    for entity, (_, y) in panel.entities.items():
        if len(y) > recipe.support_rows + 1:
            members.setdefault(entity.partition(":")[0], []).append(entity)
    chance = np.random.default_rng(deal)
    groups: dict[str, Group] = {}
    training: list[str] = []
    new: list[str] = []
    for group, entities in sorted(members.items()):
        if len(entities) < SMALLEST_GROUP:
            continue
        order = [entities[i] for i in chance.permutation(len(entities))]
        cut = min(len(order) - 1, round(TRAINING_SHARE * len(order)))
        groups[group] = _write(panel, group, order[:cut], order[cut:], directory)
        training += order[:cut]
        new += order[cut:]
    x = np.concatenate([panel.entities[entity][0] for entity in training])
    y = np.concatenate([panel.entities[entity][1] for entity in training])
    columns = [*x.T, y]
    return GroupedPanel(
        panel.features,
        panel.target,
        recipe.support_rows,
        groups,
        _write(panel, "everyone", training, new, directory),
        {
            column: (float(values.mean()), float(values.std()) or 1.0)
            for column, values in zip((*panel.features, panel.target), columns, strict=True)
        },
    )


def _write(panel: Panel, name: str, training: list[str], new: list[str], directory: Path) -> Group:
    paths = []
    for entities, stem in ((training, name), (new, f"{name}-new")):
        paths.append(f"{stem}.csv")
        with (directory / paths[-1]).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["entity", *panel.features, panel.target])
            for entity in sorted(entities):
                x, y = panel.entities[entity]
                writer.writerows([entity, *map(repr, row)] for row in np.c_[x, y].tolist())
    return Group(paths[0], paths[1], len(training))
