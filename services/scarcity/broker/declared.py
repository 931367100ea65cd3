"""topics.yaml: what is declared, read with errors that name the line and the key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

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
# Of a user: bytes a second, and percent of a network and I/O thread's time.
QUOTAS: Final = ("producer_byte_rate", "consumer_byte_rate", "request_percentage")


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
    """What a service reads and writes; names as in topics.yaml.

    Attributes:
        groups: consumer groups that it joins.
        watches: groups that it looks at.
        transactions: transactional ids; one with `*` at its end stands for all that begin so.
        own_domains: whoever runs it has the topics of their own domains only.
    """

    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    groups: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    own_domains: bool = False


@dataclass(frozen=True)
class Declared:
    """The whole file.

    Attributes:
        quotas: Kafka's limits of each principal of a service, on each broker.
    """

    topics: tuple[DeclaredTopic, ...]
    domains: tuple[str, ...]
    services: Mapping[str, ServiceTopics]
    quotas: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

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


class Copies(NamedTuple):
    """How often a record is kept, in place of the file's defaults; None: as the file says."""

    replication: int | None = None
    min_isr: int | None = None


AS_DECLARED: Final = Copies()


def load_topics(path: Path, copies: Copies = AS_DECLARED) -> Declared:
    """Read a topics file.

    Args:
        copies: in place of the file's defaults; a topic that has its own keeps it.

    Raises:
        InputError: not readable, unknown key, duplicate topic, or an impossible value; one line
            that names file, line and key.
    """
    return parse_topics(read_yaml(path), copies)


def parse_topics(root: Place, copies: Copies = AS_DECLARED) -> Declared:
    """Check and type a topics file; raises as :func:`load_topics`."""
    parts = root.mapping("defaults", "domains", "topics", "services", optional=("quotas",))
    defaults = parts["defaults"].mapping("partitions", "replication", "min_isr")
    partitions = defaults["partitions"].integer(1, 10_000)
    replication = copies.replication or defaults["replication"].integer(1, 100)
    min_isr = copies.min_isr or defaults["min_isr"].integer(1, replication)
    if min_isr > replication:
        raise InputError(f"--min-isr {min_isr} is more than the {replication} copies there are")
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
    quotas = _quotas(parts["quotas"], services) if "quotas" in parts else {}
    return Declared(topics, tuple(domains), services, quotas)


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
    more = ("groups", "watches", "transactions", "domains")
    keys = place.mapping("consumes", "produces", optional=more)

    def names(listed: Place) -> tuple[str, ...]:
        found = []
        for item in listed.items():
            if item.text() not in by_name:
                raise item.error(f"{item.text()!r} is no topic of this file")
            found.append(item.text())
        return tuple(found)

    def texts(key: str) -> tuple[str, ...]:
        return tuple(item.text() for item in keys[key].items()) if key in keys else ()

    own = "domains" in keys and keys["domains"].choice("own", "all") == "own"
    return ServiceTopics(
        names(keys["consumes"]),
        names(keys["produces"]),
        texts("groups"),
        texts("watches"),
        texts("transactions"),
        own,
    )


def _quotas(place: Place, services: Mapping[str, ServiceTopics]) -> dict[str, dict[str, float]]:
    return {
        name: {
            key: float(value.integer(1, _LARGEST))
            for key, value in limits.mapping(optional=QUOTAS).items()
        }
        for name, limits in place.mapping(optional=tuple(services)).items()
    }
