"""YAML read with places: every wrong value is told with its file, line and path of keys."""

from pathlib import Path
from typing import NamedTuple

import yaml

from scarcity.events.errors import InputError


class Place(NamedTuple):
    """A value in a YAML file and where it stands."""

    file: str
    path: str
    node: yaml.Node

    def error(self, message: str) -> InputError:
        """An error at this place."""
        line = self.node.start_mark.line + 1
        return InputError(f"{self.file} line {line}: {self.path or 'file'}: {message}")

    def entries(self) -> list[tuple[str, "Place"]]:
        """Keys and values of a mapping, in order.

        Raises:
            InputError: no mapping, a key that is no text, or a key twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("keys and values are expected here")
        found: dict[str, Place] = {}
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Place(self.file, self.path, key).error("a key is one word")
            path = f"{self.path}.{key.value}" if self.path else key.value
            if key.value in found:
                first = found[key.value].node.start_mark.line + 1
                raise Place(self.file, path, key).error(f"stands twice (first near line {first})")
            found[key.value] = Place(self.file, path, value)
        return list(found.items())

    def mapping(self, *required: str, optional: tuple[str, ...] = ()) -> dict[str, "Place"]:
        """A mapping with these keys and no others.

        Raises:
            InputError: an unknown or a missing key.
        """
        found = dict(self.entries())
        known = (*required, *(name for name in optional if name not in required))
        for key, value in found.items():
            if key not in known:
                raise value.error(f"unknown key; one of: {', '.join(known)}")
        for key in required:
            if key not in found:
                raise self.error(f"the key {key!r} is missing")
        return found

    def items(self) -> list["Place"]:
        """Values of a list.

        Raises:
            InputError: no list.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("a list is expected here, e.g. [a, b]")
        return [
            Place(self.file, f"{self.path}[{number}]", node)
            for number, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """A text that is not empty.

        Raises:
            InputError: something else.
        """
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.error("a text is expected here")
        return str(self.node.value)

    def choice(self, *allowed: str) -> str:
        """One of some words.

        Raises:
            InputError: another.
        """
        if (found := self.text()) not in allowed:
            raise self.error(f"{found!r} is not one of: {', '.join(allowed)}")
        return found

    def integer(self, least: int, most: int) -> int:
        """A whole number within bounds; `1_000` may be written.

        Raises:
            InputError: no whole number, or out of bounds.
        """
        found = self.text()
        try:
            number = int(found)
        except ValueError:
            raise self.error(f"{found!r} is no whole number") from None
        if not least <= number <= most:
            raise self.error(f"{number} must lie between {least} and {most}")
        return number


def read_yaml(path: Path) -> Place:
    """The root of a YAML file.

    Raises:
        InputError: not readable, empty, or no YAML.
    """
    try:
        return compose(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def compose(text: str, name: str) -> Place:
    """The root of a YAML text; raises as :func:`read_yaml`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{name} line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    if node is None:
        raise InputError(f"{name}: the file is empty")
    return Place(name, "", node)
