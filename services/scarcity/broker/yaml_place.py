"""YAML read with places: every wrong value is told with its file, line and path of keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scarcity.events.errors import InputError

MAX_ALIASES = 20


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


class _Loader(yaml.SafeLoader):
    """No tags that make objects, few aliases, and none inside what it names.

    Nine lines of aliases unfold to millions of values.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._aliases = 0
        self._open: list[str] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                raise _refused(event, f"more than {MAX_ALIASES} aliases (*name)")
            if event.anchor in self._open:
                raise _refused(event, f"the alias *{event.anchor} stands inside what it names")
        anchor = getattr(event, "anchor", None) or ""
        self._open.append(anchor)
        node = super().compose_node(parent, index)
        self._open.pop()
        return node


def _refused(event: Any, why: str) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, why, event.start_mark)


def read_yaml(path: Path) -> Place:
    """The root of a YAML file.

    Raises:
        InputError: not readable, empty, or no YAML.
    """
    return compose(_read(path), str(path))


def compose(text: str, name: str) -> Place:
    """The root of a YAML text; raises as :func:`read_yaml`."""
    with _told(name):
        node = yaml.compose(text, Loader=_Loader)
    if node is None:
        raise InputError(f"{name}: the file is empty")
    return Place(name, "", node)


def read_plain(path: Path) -> list[Any]:
    """The documents of a YAML file as plain values; empty ones are left out.

    Raises:
        InputError: not readable, or no YAML.
    """
    text = _read(path)
    with _told(str(path)):
        documents = list(yaml.load_all(text, Loader=_Loader))
    return [document for document in documents if document is not None]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from None


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{name} line {line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-01
        raise InputError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{name}: not YAML of ours: nested too deep") from None
