"""topics.yaml as manifests of Strimzi, whose operators then own topics and users of a cluster.

Pure. Source: Strimzi documentation, KafkaTopic and KafkaUser schema references, API version v1.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final, Literal, Protocol

from scarcity.broker.declared import Declared, DeclaredTopic

Manifest = dict[str, Any]
Authentication = Literal["scram-sha-512", "tls"]

API_VERSION: Final = "kafka.strimzi.io/v1"
USER_PREFIX: Final = "scarcity-"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_RESOURCES: Final = {"transactional-id": "transactionalId"}
_PATTERNS: Final = {"prefixed": "prefix"}
_QUOTAS: Final = {
    "producer_byte_rate": "producerByteRate",
    "consumer_byte_rate": "consumerByteRate",
    "request_percentage": "requestPercentage",
}


class Rule(Protocol):
    """What an ACL allows its principal; `broker/access.Acl` is one."""

    @property
    def resource(self) -> str:
        """`topic`, `group`, `transactional-id` or `cluster`."""

    @property
    def name(self) -> str:
        """Of the resource, or how it begins."""

    @property
    def pattern(self) -> str:
        """`literal` or `prefixed`."""

    @property
    def operation(self) -> str:
        """As Kafka calls it, e.g. `Read`."""


def topics(declared: Declared, cluster: str, domains: Iterable[str] = ()) -> list[Manifest]:
    """A KafkaTopic for each topic of the file, for its domains and the given ones.

    Raises:
        InputError: a name cannot be a domain.
    """
    return [
        _topic(name, topic, cluster) for name, topic in sorted(declared.expand(domains).items())
    ]


def user(
    name: str,
    cluster: str,
    rules: Iterable[Rule],
    *,
    authentication: Authentication,
    quotas: Mapping[str, float] | None = None,
) -> Manifest:
    """A KafkaUser that may do what ``rules`` say and nothing else.

    Args:
        name: of the manifest, and of the Secret with the user's password or certificate.
        quotas: as topics.yaml names them.
    """
    specification: dict[str, Any] = {
        "authentication": {"type": authentication},
        "authorization": {"type": "simple", "acls": _acls(rules)},
    }
    if quotas:
        specification["quotas"] = {_QUOTAS[key]: int(value) for key, value in quotas.items()}
    return _manifest("KafkaUser", name, cluster, specification)


def _topic(name: str, topic: DeclaredTopic, cluster: str) -> Manifest:
    specification: dict[str, Any] = {
        "partitions": topic.partitions,
        "replicas": topic.replication,
        "config": {key: _number(value) for key, value in sorted(topic.configs.items())},
    }
    valid = name if _NAME.fullmatch(name) else re.sub(r"[^a-z0-9.-]", "-", name.lower())
    if valid != name:  # Kafka allows what Kubernetes does not
        specification["topicName"] = name
    return _manifest("KafkaTopic", valid, cluster, specification)


def _acls(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """One entry a resource, with all operations on it."""
    told = sorted((r.resource, r.name, r.pattern, r.operation) for r in rules)
    return [
        {"resource": _resource(*place), "operations": [rule[3] for rule in same]}
        for place, same in groupby(told, key=lambda rule: rule[:3])
    ]


def _resource(kind: str, name: str, pattern: str) -> dict[str, str]:
    if kind == "cluster":
        return {"type": "cluster"}
    return {
        "type": _RESOURCES.get(kind, kind),
        "name": name,
        "patternType": _PATTERNS.get(pattern, pattern),
    }


def _manifest(kind: str, name: str, cluster: str, specification: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"strimzi.io/cluster": cluster, "app.kubernetes.io/part-of": "scarcity"},
        },
        "spec": specification,
    }


def _number(value: str) -> int | str:
    return int(value) if re.fullmatch(r"-?\d+", value) else value
