"""Manifests of Strimzi: every topic with its settings, users with what their rules allow."""

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from infra.helm import custom

from scarcity.broker import strimzi
from scarcity.broker.declared import Copies, load_topics
from scarcity.cli import main

ROOT = Path(__file__).parents[2]
DECLARED = load_topics(ROOT / "topics.yaml", Copies(3, 2))


class Rule(NamedTuple):
    resource: str
    name: str
    pattern: str
    operation: str


RULES = [
    Rule("topic", "insights.", "prefixed", "Read"),
    Rule("topic", "insights.", "prefixed", "Describe"),
    Rule("group", "scarcity-memory-fold", "literal", "Read"),
    Rule("transactional-id", "memory-", "prefixed", "Write"),
    Rule("cluster", "kafka-cluster", "literal", "IdempotentWrite"),
]


def test_every_topic_of_the_file_becomes_a_manifest_with_its_settings() -> None:
    manifests = {m["metadata"]["name"]: m for m in strimzi.topics(DECLARED, "data", ["retail"])}
    assert manifests.keys() == DECLARED.expand(["retail"]).keys()
    assert manifests["insights.retail"] == {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": "insights.retail",
            "labels": {"strimzi.io/cluster": "data", "app.kubernetes.io/part-of": "scarcity"},
        },
        "spec": {
            "partitions": 3,
            "replicas": 3,
            "config": {
                "cleanup.policy": "delete",
                "max.message.bytes": 4_194_304,
                "message.timestamp.type": "LogAppendTime",
                "min.insync.replicas": 2,
                "retention.ms": 34_560_000_000,
            },
        },
    }
    assert manifests["ledger"]["spec"]["config"]["retention.ms"] == -1


def test_a_name_that_kubernetes_does_not_allow_stays_the_topics_name() -> None:
    declared = DECLARED.__class__(
        tuple(
            topic.__class__(**{**vars(topic), "name": "Dead_Letters"})
            for topic in DECLARED.topics
            if topic.name == "dead-letters"
        ),
        *(getattr(DECLARED, name) for name in list(vars(DECLARED))[1:]),
    )
    (manifest,) = strimzi.topics(declared, "data")
    assert manifest["metadata"]["name"] == "dead-letters"
    assert manifest["spec"]["topicName"] == "Dead_Letters"


@pytest.mark.parametrize("authentication", ["scram-sha-512", "tls"])
def test_a_user_may_do_what_its_rules_say(authentication: strimzi.Authentication) -> None:
    quotas = {"producer_byte_rate": 1e6, "request_percentage": 50.0}
    manifest = strimzi.user(
        "scarcity-memory", "data", RULES, authentication=authentication, quotas=quotas
    )
    assert manifest["spec"] == {
        "authentication": {"type": authentication},
        "authorization": {
            "type": "simple",
            "acls": [
                {"resource": {"type": "cluster"}, "operations": ["IdempotentWrite"]},
                {
                    "resource": {
                        "type": "group",
                        "name": "scarcity-memory-fold",
                        "patternType": "literal",
                    },
                    "operations": ["Read"],
                },
                {
                    "resource": {"type": "topic", "name": "insights.", "patternType": "prefix"},
                    "operations": ["Describe", "Read"],
                },
                {
                    "resource": {
                        "type": "transactionalId",
                        "name": "memory-",
                        "patternType": "prefix",
                    },
                    "operations": ["Write"],
                },
            ],
        },
        "quotas": {"producerByteRate": 1_000_000, "requestPercentage": 50},
    }


def test_all_manifests_are_what_strimzi_takes() -> None:
    user = strimzi.user("scarcity-memory", "data", RULES, authentication="tls")
    for manifest in (*strimzi.topics(DECLARED, "data"), user):
        assert list(custom.faults(manifest)) == []


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict]:
    file = str(ROOT / "topics.yaml")
    code = main(["topics", "manifests", "--strimzi", "data", "--file", file, *options])
    assert code == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def test_the_command_prints_topics_services_and_the_clients_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifests = printed(
        capsys, "--client", "bank-a:economic,retail", "--evaluator", "judge:medical",
        "--namespace", "kafka", "--replication", "3", "--min-isr", "2",
    )  # fmt: skip
    users = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "KafkaUser"}
    services = {name for name, told in DECLARED.services.items() if not told.own_domains}
    assert users.keys() == {*(f"scarcity-{name}" for name in services), "bank-a", "judge"}
    written = {
        acl["resource"]["name"]
        for acl in users["bank-a"]["authorization"]["acls"]
        if "Write" in acl["operations"]
    }
    assert {"insights.economic", "insights.retail", "clients"} <= written
    assert not any(name.endswith(("medical", "technology")) for name in written)
    assert users["bank-a"]["quotas"]["producerByteRate"] > 0
    assert "quotas" not in users["scarcity-memory"]
    topics = {m["metadata"]["name"] for m in manifests if m["kind"] == "KafkaTopic"}
    assert "insights.retail" in topics  # which only the client named
    assert {m["metadata"]["namespace"] for m in manifests} == {"kafka"}
    for manifest in manifests:
        assert list(custom.faults(manifest)) == []


@pytest.mark.parametrize("told", ["bank-a", "bank-a:", ":economic", "bank-a:No Domain"])
def test_a_client_that_cannot_be_is_refused(told: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(ROOT / "topics.yaml")
    options = ["--strimzi", "data", "--file", file, "--client", told]
    assert main(["topics", "manifests", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
