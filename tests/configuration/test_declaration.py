"""Every key of the sources is declared, each declared one is read, and both agree on values."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from scarcity.broker.logs import LOG_KEY, log_form
from scarcity.broker.settings import KafkaSettings
from scarcity.configuration import broker_keys
from scarcity.configuration.declaration import KEYS, PARTS
from scarcity.configuration.key import EVERYONE, Choice, Number
from scarcity.configuration.telling import table
from scarcity.events.errors import InputError
from scarcity.gossip.settings import GossipSettings
from scarcity.keys.signing import TrustedKeys
from scarcity.memory.settings import MemorySettings
from scarcity.meta.settings import MetaSettings
from scarcity.monitor.settings import MonitorSettings

ROOT = Path(__file__).parents[2]
DECLARED_IN = ROOT / "services" / "scarcity" / "configuration"
NAME = re.compile(r"\bSCARCITY_[A-Z0-9_]*[A-Z0-9]\b(?!_)")
READERS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "memory": MemorySettings.from_environment,
    "meta": MetaSettings.from_environment,
    "gossip": GossipSettings.from_environment,
    "monitor": MonitorSettings.from_environment,
}


def files_that_name_keys() -> Iterator[Path]:
    for folder in ("services", "infra", "chaos", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".yaml", ".yml", ".tpl", ".sh"} or path.name == "Dockerfile":
                yield path


def names_in(paths: Iterator[Path]) -> dict[str, Path]:
    return {name: path for path in paths for name in NAME.findall(path.read_text("utf-8"))}


def reader_of(name: str) -> Callable[[Mapping[str, str]], object]:
    """What reads a number or a choice: the settings class of the first service that has it."""
    if name == LOG_KEY:
        return log_form
    if KEYS[name] in broker_keys.KEYS:
        return KafkaSettings.from_environment
    return READERS[KEYS[name].services[0]]


def test_every_key_that_a_source_names_is_declared() -> None:
    named = names_in(files_that_name_keys())
    undeclared = {name: str(path) for name, path in named.items() if name not in KEYS}
    assert undeclared == {}, "declare them in services/scarcity/configuration"


def test_every_declared_key_is_read_somewhere() -> None:
    named = names_in(p for p in files_that_name_keys() if DECLARED_IN not in p.parents)
    ours = {name for name in KEYS if name.startswith("SCARCITY_")}  # OTEL_… the SDK reads
    assert ours - named.keys() - {"SCARCITY_CONFIG_FILE"} == set()


def test_no_key_is_declared_twice_and_readers_have_names() -> None:
    assert sum(len(part) for part in PARTS.values()) == len(KEYS)
    assert {reader for key in KEYS.values() for reader in key.services} <= set(EVERYONE)


def test_the_page_is_what_the_code_declares() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == table()


def numbers() -> list[str]:
    return [
        n for n, key in KEYS.items() if isinstance(key.kind, Number) and "tools" not in key.services
    ]


@pytest.mark.parametrize("name", numbers())
def test_a_service_takes_the_declared_range_and_no_more(name: str) -> None:
    kind, read = KEYS[name].kind, reader_of(name)
    assert isinstance(kind, Number)
    for good in (kind.least, kind.most):
        text = str(int(good) if kind.whole else good)
        kind.check(name, text)
        read({name: text})
    for bad in (str(kind.least - 1), str(kind.most * 2), "many", "nan"):
        with pytest.raises(InputError, match=name):
            kind.check(name, bad)
        with pytest.raises(InputError, match=name):
            read({name: bad})


@pytest.mark.parametrize("name", [n for n, key in KEYS.items() if isinstance(key.kind, Choice)])
def test_a_service_takes_the_declared_words_and_no_more(name: str) -> None:
    kind, read = KEYS[name].kind, reader_of(name)
    assert isinstance(kind, Choice)
    for word in kind.words:
        login = {"SCARCITY_SASL_USERNAME": "a", "SCARCITY_SASL_PASSWORD": "b"}
        read({name: word, **(login if word.startswith("SASL") else {})})
    with pytest.raises(InputError, match=name):
        read({name: "perhaps"})


def comparable(settings: object) -> dict[str, object]:
    """Fields that are equal when they say the same; sets of keys know no equality."""
    return {n: v for n, v in vars(settings).items() if not isinstance(v, TrustedKeys)}


@pytest.mark.parametrize("service", READERS)
def test_declared_defaults_are_the_services_own(service: str) -> None:
    told = {
        name: key.default
        for name, key in KEYS.items()
        if key.services[0] == service and key.default
    }
    with_defaults, without = READERS[service](told), READERS[service]({})
    assert {name: getattr(with_defaults, name) for name in comparable(without)} == comparable(
        without
    )
