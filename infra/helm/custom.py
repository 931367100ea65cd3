"""Schemas of the custom resources that are rendered here, as far as they are used.

kubernetes-validate knows Kubernetes' own kinds. Of KEDA's and Strimzi's it knows nothing, and their
definitions are theirs; so what this project writes into them is described here, strictly: a field
that is not listed is refused. `python -m infra.helm.check --crds DIR` asks their own definitions
beside (the operators' published CRD files).

Sources: KEDA 2 documentation, ScaledObject, TriggerAuthentication and the Kafka scaler; Strimzi
documentation, KafkaTopic and KafkaUser schema references.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string", "minLength": 1}
COUNT: Final[Schema] = {"type": "integer", "minimum": 1}


def _object(required: Sequence[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


_NAME: Final = _object(["name"], name=TEXT)
_TRIGGER: Final = _object(
    ["type", "metadata"],
    type={"const": "kafka"},
    metadata=_object(
        ["bootstrapServers", "consumerGroup", "lagThreshold"],
        bootstrapServers=TEXT,
        consumerGroup=TEXT,
        topic=TEXT,
        # The scaler's metadata are strings, numbers too.
        lagThreshold={"type": "string", "pattern": "^[0-9]+$"},
        offsetResetPolicy={"enum": ["earliest", "latest"]},
        sasl={"enum": ["scram_sha512"]},
        tls={"enum": ["enable"]},
    ),
    authenticationRef=_NAME,
)
_SECRET: Final = _object(
    ["parameter", "name", "key"],
    parameter={"enum": ["password", "ca", "cert", "key"]},
    name=TEXT,
    key=TEXT,
)
_ACL: Final = _object(
    ["resource", "operations"],
    type={"const": "allow"},
    resource=_object(
        ["type", "name", "patternType"],
        type={"enum": ["topic", "group", "transactionalId"]},
        name=TEXT,
        patternType={"enum": ["literal", "prefix"]},
    ),
    operations=_list_of(
        {
            "enum": [
                "Read", "Write", "Create", "Delete", "Alter", "Describe", "AlterConfigs",
                "DescribeConfigs", "IdempotentWrite",
            ]
        }
    ),
    host=TEXT,
)  # fmt: skip
_CLUSTER_ACL: Final = _object(
    ["resource", "operations"],
    type={"const": "allow"},
    resource=_object(["type"], type={"const": "cluster"}),
    operations=_ACL["properties"]["operations"],
    host=TEXT,
)

SPECIFICATIONS: Final[Mapping[tuple[str, str], Schema]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): _object(
        ["scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount"],
        scaleTargetRef=_NAME,
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        cooldownPeriod=COUNT,
        advanced={"type": "object"},
        triggers=_list_of(_TRIGGER),
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _object(
        ["secretTargetRef"],
        env=_list_of(
            _object(
                ["parameter", "name", "containerName"],
                parameter={"const": "username"},
                name=TEXT,
                containerName=TEXT,
            )
        ),
        secretTargetRef=_list_of(_SECRET),
    ),
    ("kafka.strimzi.io/v1", "KafkaTopic"): _object(
        ["partitions", "replicas", "config"],
        partitions=COUNT,
        replicas=COUNT,
        topicName=TEXT,
        config={"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
    ),
    ("kafka.strimzi.io/v1", "KafkaUser"): _object(
        ["authentication", "authorization"],
        authentication=_object(["type"], type={"enum": ["scram-sha-512", "tls"]}),
        authorization=_object(
            ["type", "acls"],
            type={"const": "simple"},
            acls=_list_of({"anyOf": [_ACL, _CLUSTER_ACL]}),
        ),
        quotas=_object(
            [],
            producerByteRate={"type": "integer", "minimum": 0},
            consumerByteRate={"type": "integer", "minimum": 0},
            requestPercentage={"type": "integer", "minimum": 0},
        ),
    ),
}


def is_custom(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest is of a kind that is described here."""
    return (manifest["apiVersion"], manifest["kind"]) in SPECIFICATIONS


def faults(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a custom resource, by the descriptions above."""
    schema = SPECIFICATIONS[manifest["apiVersion"], manifest["kind"]]
    for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest["spec"]):
        yield f"{error.json_path}: {error.message}"


class Definitions:
    """CustomResourceDefinitions of operators, from a folder of their YAML files."""

    def __init__(self, folder: Path) -> None:
        self._schemas: dict[tuple[str, str], Schema] = {}
        for path in sorted(folder.glob("*.yaml")):
            for crd in yaml.safe_load_all(path.read_text("utf-8")):
                for version in crd["spec"]["versions"] if crd else []:
                    name = f"{crd['spec']['group']}/{version['name']}"
                    schema = version["schema"]["openAPIV3Schema"]
                    self._schemas[name, crd["spec"]["names"]["kind"]] = _closed(schema)

    def faults(self, manifest: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with a custom resource, by its operator's own definition."""
        kind = (manifest["apiVersion"], manifest["kind"])
        if kind not in self._schemas:
            yield f"no definition of {kind[1]} in {kind[0]}"
            return
        for error in jsonschema.Draft202012Validator(self._schemas[kind]).iter_errors(manifest):
            yield f"{error.json_path}: {error.message}"


def _closed(schema: Schema) -> Schema:
    """The schema with unknown fields refused, as an API server does with strict validation."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {key: _closed(part) for key, part in schema["properties"].items()}
        # `metadata` is described by Kubernetes, not by the definition.
        if schema["properties"] and not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), dict):
        result["items"] = _closed(schema["items"])
    return result
