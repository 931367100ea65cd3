"""Scenarios as a person writes them: YAML; every error is one line with file, line and key."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import yaml

from scarcity.broker.yaml_place import Place, read_plain, read_yaml
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain
from scarcity.learning.settings import LearningSettings
from scarcity.simulation.scenario import Scenario

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`")


def read_scenario(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        InputError: unreadable, not YAML, an unknown key or an impossible value; names the place.
    """
    root = read_yaml(path)
    _check_keys(root)
    (content,) = read_plain(path)
    try:
        _check_learning(root, content)
        scenario = msgspec.convert(content, Scenario)
    except msgspec.ValidationError as error:
        raise _with_place(root, str(error)) from None
    for number, domain in enumerate(scenario.domains):
        try:
            check_domain(domain.name)
        except InputError as error:
            raise _find(root, f".domains[{number}].name").error(str(error)) from None
    return msgspec.structs.replace(scenario, directory=path.parent)


def _check_keys(place: Place) -> None:
    """Refuse keys that stand twice anywhere: YAML would take the last in silence."""
    if isinstance(place.node, yaml.MappingNode):
        for _, inner in place.entries():
            _check_keys(inner)
    elif isinstance(place.node, yaml.SequenceNode):
        for inner in place.items():
            _check_keys(inner)


def _check_learning(root: Place, content: Any) -> None:
    """A dataclass takes unknown keys in silence; a scenario must not."""
    learning = content.get("learning") if isinstance(content, dict) else None
    if not isinstance(learning, dict):
        return
    known = [f.name for f in fields(LearningSettings)]
    for name in learning:
        if name not in known:
            place = _find(root, f".learning.{name}")
            raise place.error(f"unknown key; one of: {', '.join(known)}")


def _with_place(root: Place, message: str) -> InputError:
    match = _AT.match(message)
    assert match is not None, message
    what, path = match["what"], match["path"] or ""
    unknown = _UNKNOWN.match(what)
    if unknown is not None:
        path, what = f"{path}.{unknown['name']}", "unknown key"
    return _find(root, path).error(what)


def _find(root: Place, path: str) -> Place:
    """The value at a path such as `.domains[0].data.kind`, or the nearest above that is there."""
    place = root
    for name, number in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        if number and isinstance(place.node, yaml.SequenceNode):
            place = place.items()[int(number)]
        elif name and isinstance(place.node, yaml.MappingNode):
            place = dict(place.entries()).get(name, place)
    return place
