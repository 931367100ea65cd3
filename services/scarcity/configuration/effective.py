"""Which value of a key holds, and where it comes from: environment, settings file or default."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from scarcity.broker.yaml_place import read_yaml
from scarcity.configuration.declaration import KEYS

CONFIG_FILE_KEY: Final = "SCARCITY_CONFIG_FILE"
PREFIX: Final = "SCARCITY_"


class Setting(NamedTuple):
    """A value and its origin: `environment`, `default`, or the settings file's path."""

    value: str
    origin: str


def read_file(path: Path) -> dict[str, str]:
    """Values of a settings file: a flat YAML map of keys to values, as text.

    Raises:
        InputError: not readable, no map, a key that is not declared, or a secret; one line that
            names file, line and key.
    """
    values: dict[str, str] = {}
    for name, place in read_yaml(path).entries():
        key = KEYS.get(name)
        if key is None or name == CONFIG_FILE_KEY:
            raise place.error(f"unknown key{_meant(name)}; `scarcity config table` lists all")
        if key.secret:
            raise place.error(f"is a secret: give it by the environment or by {name}_FILE")
        values[name] = place.text()
    return values


def with_file(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and below it what its settings file says.

    An empty value of the environment counts as missing, as everywhere.

    Raises:
        InputError: as :func:`read_file`.
    """
    path = environ.get(CONFIG_FILE_KEY)
    from_file = read_file(Path(path)) if path else {}
    return {**environ, **{n: v for n, v in from_file.items() if not environ.get(n)}}


def effective(environ: Mapping[str, str], service: str | None = None) -> dict[str, Setting]:
    """What holds, by key: all of them, or those that a service reads.

    Args:
        environ: the environment, its settings file not merged.

    Raises:
        InputError: a value is of the wrong kind or out of range, or the file is wrong.
    """
    merged = with_file(environ)
    found = {}
    for name, key in KEYS.items():
        if service is not None and service not in key.services:
            continue
        if value := merged.get(name):
            key.kind.check(name, value)
            from_file = not environ.get(name)
            found[name] = Setting(value, environ[CONFIG_FILE_KEY] if from_file else "environment")
        else:
            found[name] = Setting(key.default, "default")
    return found


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Names of the environment that look like ours and are not declared, with what may be meant."""
    return [
        f"{name} is no setting{_meant(name)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in KEYS
    ]


def _meant(name: str) -> str:
    close = get_close_matches(name, KEYS, n=1)
    return f" (meant {close[0]}?)" if close else ""
