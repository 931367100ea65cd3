"""What one key of the environment is: its meaning, its kind, who reads it."""

from dataclasses import dataclass, field
from math import isnan
from typing import Final

from scarcity.events.errors import InputError

EVERY_SERVICE: Final = ("memory", "meta", "gossip", "monitor", "client")
TOOLS: Final = "tools"  # the operator's and the auditor's commands
EVERYONE: Final = (*EVERY_SERVICE, TOOLS)


@dataclass(frozen=True)
class Text:
    """Any text; the service that reads it knows what is right.

    Attributes:
        told: what is expected, for the table.
    """

    told: str = "text"

    def check(self, name: str, value: str) -> None:
        """Nothing is wrong with a text by itself."""


@dataclass(frozen=True)
class Number:
    """A number in a range, both ends included."""

    least: float
    most: float
    whole: bool = False

    @property
    def told(self) -> str:
        """The range in words."""
        return f"{'whole ' if self.whole else ''}number, {self.least:.10g} to {self.most:.10g}"

    def check(self, name: str, value: str) -> None:
        """Raise InputError when ``value`` is not such a number."""
        try:
            number = int(value) if self.whole else float(value)
        except ValueError:
            raise InputError(f"{name}: {value!r} is no {self.told}") from None
        if isnan(number) or not self.least <= number <= self.most:
            raise InputError(f"{name}: {value} is outside its range ({self.told})")


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def told(self) -> str:
        """The words."""
        return " or ".join(f"`{word}`" for word in self.words)

    def check(self, name: str, value: str) -> None:
        """Raise InputError when ``value`` is another word."""
        if value not in self.words:
            raise InputError(f"{name}: {value!r} is unknown; one of: {', '.join(self.words)}")


@dataclass(frozen=True)
class Key:
    """One key of the environment.

    Attributes:
        name: as in the environment and in the settings file.
        services: who reads it; of EVERYONE.
        meaning: one line, Markdown.
        kind: what a value must be.
        default: what holds when it is missing or empty; empty: nothing, or what ``meaning`` says.
        secret: its value is never shown, and it may not stand in the settings file.
    """

    name: str
    services: tuple[str, ...]
    meaning: str
    kind: Text | Number | Choice = field(default_factory=Text)
    default: str = ""
    secret: bool = False
