"""topics.yaml: what is declared, read with errors that name the line and the key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scarcity.broker.yaml_place import Place, read_yaml
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

TOPICS_FILE_KEY: Final = "SCARCITY_TOPICS_FILE"
DOMAIN_MARK: Final = "<domain>"
ENCODINGS: Final = ("json", "msgpack", "original")

# Topic settings of Apache Kafka that make sense here; None: any integer from the minimum on.
_POLICIES: Final = ("delete", "compact", "compact,delete")
_TEXT_CONFIGS: Final[Mapping[str, tuple[str, ...]]] = {
    "cleanup.policy": _POLICIES,
    "compression.type": ("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime"),
}
_INTEGER_CONFIGS: Final[Mapping[str, int]] = {
    "delete.retention.ms": 0,
    "max.compaction.lag.ms": 1,
    "max.message.bytes": 1024,
    "min.compaction.lag.ms": 0,
    "retention.bytes": -1,
    "retention.ms": -1,
    "segment.bytes": 1 << 20,
    "segment.ms": 1,
}
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class DeclaredTopic:
    """A topic, or one a domain when the name ends in `<domain>`.

    Attributes:
        configs: Kafka's topic settings, values as Kafka writes them.
        value: name of the event, or `bytes`.
    """

    name: str
    purpose: str
    key: str
    value: str
    encoding: str
    partitions: int
    replication: int
    configs: Mapping[str, str]

    @property
    def is_per_domain(self) -> bool:
        """Whether the name stands for one topic a domain."""
        return self.name.endswith(DOMAIN_MARK)

    def of(self, domain: str) -> str:
        """Name of this topic for a domain."""
        return self.name.replace(DOMAIN_MARK, domain)


@dataclass(frozen=True)
class ServiceTopics:
    """What a service reads and writes; names as in topics.yaml."""

    consumes: tuple[str, ...]
    produces: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """The whole file."""

    topics: tuple[DeclaredTopic, ...]
    domains: tuple[str, ...]
    services: Mapping[str, ServiceTopics]

    def expand(self, domains: Iterable[str] = ()) -> dict[str, DeclaredTopic]:
        """Topics by their real names, for the declared domains and the given ones.

        Raises:
            InputError: a name cannot be a domain.
        """
        names = sorted({*self.domains, *(check_domain(d) for d in domains)})
        return {
            real: topic
            for topic in self.topics
            for real in ([topic.of(d) for d in names] if topic.is_per_domain else [topic.name])
        }


def find_topics_file(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The file to use: ``given``, else SCARCITY_TOPICS_FILE, else topics.yaml in this directory.

    Raises:
        InputError: there is none.
    """
    named = given or (Path(environ[TOPICS_FILE_KEY]) if environ.get(TOPICS_FILE_KEY) else None)
    path = named or Path("topics.yaml")
    if path.is_file():
        return path
    raise InputError(
        f"no topics file at {path}: run in the project's directory, or name it with --file or "
        f"{TOPICS_FILE_KEY}"
    )


def load_topics(path: Path) -> Declared:
    """Read a topics file.

    Raises:
        InputError: not readable, unknown key, duplicate topic, or an impossible value; one line
            that names file, line and key.
    """
    return parse_topics(read_yaml(path))


def parse_topics(root: Place) -> Declared:
    """Check and type a topics file; raises as :func:`load_topics`."""
    parts = root.mapping("defaults", "domains", "topics", "services")
    defaults = parts["defaults"].mapping("partitions", "replication", "min_isr")
    partitions = defaults["partitions"].integer(1, 10_000)
    replication = defaults["replication"].integer(1, 100)
    min_isr = defaults["min_isr"].integer(1, replication)
    topics = tuple(
        _topic(name, place, partitions, replication, min_isr)
        for name, place in parts["topics"].entries()
    )
    by_name = {topic.name: topic for topic in topics}
    for name, place in parts["topics"].entries():
        _check_copartitioning(by_name, name, place)
    domains = []
    for place in parts["domains"].items():
        try:
            domains.append(check_domain(place.text()))
        except InputError as error:
            raise place.error(str(error)) from None
        if domains.count(domains[-1]) > 1:
            raise place.error(f"{domains[-1]!r} is listed twice")
    services = {name: _service(place, by_name) for name, place in parts["services"].entries()}
    return Declared(topics, tuple(domains), services)


def _topic(
    name: str, place: Place, partitions: int, replication: int, min_isr: int
) -> DeclaredTopic:
    keys = place.mapping(
        "purpose",
        "key",
        "value",
        "encoding",
        "configs",
        optional=("partitions", "replication", "copartitioned_with"),
    )
    plain = name.replace(DOMAIN_MARK, "domain")
    if not plain or len(plain) > 200 or not all(c.isalnum() or c in "._-" for c in plain):
        raise place.error(
            "a topic's name has letters, digits, dots, hyphens, and <domain> at its end"
        )
    own = keys.get("replication")
    copies = own.integer(1, 100) if own else replication
    return DeclaredTopic(
        name=name,
        purpose=keys["purpose"].text(),
        key=keys["key"].text(),
        value=keys["value"].text(),
        encoding=keys["encoding"].choice(*ENCODINGS),
        partitions=keys["partitions"].integer(1, 10_000) if "partitions" in keys else partitions,
        replication=copies,
        configs={"min.insync.replicas": str(min(min_isr, copies)), **_configs(keys["configs"])},
    )


def _configs(place: Place) -> dict[str, str]:
    keys = place.mapping("cleanup.policy", optional=(*_TEXT_CONFIGS, *_INTEGER_CONFIGS))
    return {
        name: value.choice(*_TEXT_CONFIGS[name])
        if name in _TEXT_CONFIGS
        else str(value.integer(_INTEGER_CONFIGS[name], _LARGEST))
        for name, value in keys.items()
    }


def _check_copartitioning(by_name: Mapping[str, DeclaredTopic], name: str, place: Place) -> None:
    for key, other in place.entries():
        if key != "copartitioned_with":
            continue
        if other.text() not in by_name:
            raise other.error(f"{other.text()!r} is no topic of this file")
        theirs, ours = by_name[other.text()].partitions, by_name[name].partitions
        if theirs != ours:
            raise other.error(
                f"{ours} partitions here, {theirs} in {other.text()}: make them equal"
            )


def _service(place: Place, by_name: Mapping[str, DeclaredTopic]) -> ServiceTopics:
    keys = place.mapping("consumes", "produces")

    def names(listed: Place) -> tuple[str, ...]:
        found = []
        for item in listed.items():
            if item.text() not in by_name:
                raise item.error(f"{item.text()!r} is no topic of this file")
            found.append(item.text())
        return tuple(found)

    return ServiceTopics(names(keys["consumes"]), names(keys["produces"]))
