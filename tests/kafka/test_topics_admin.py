"""`scarcity topics` on a real cluster: plan changes nothing, apply does, drift sees."""

from pathlib import Path

import pytest

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.process import free_port
from scarcity.broker.settings import KafkaSettings
from scarcity.cli import main

pytestmark = pytest.mark.kafka
SMALL = """\
defaults: {partitions: 2, replication: 1, min_isr: 1}
domains: []
topics:
  PREFIX-kept:
    purpose: a test
    key: any
    value: bytes
    encoding: original
    configs: {cleanup.policy: compact}
  PREFIX-log:
    purpose: a test
    key: any
    value: bytes
    encoding: original
    configs: {cleanup.policy: delete, retention.ms: 60_000}
services: {}
"""


class Cluster:
    """Runs `scarcity topics` on two topics of its own in the session's cluster."""

    def __init__(self, path: Path, prefix: str, address: str) -> None:
        self.path = path
        self.prefix = prefix
        self.address = address
        self.text = SMALL.replace("PREFIX", prefix)

    def run(self, verb: str, *, old: str = "", new: str = "") -> int:
        self.text = self.text.replace(old, new) if old else self.text
        self.path.write_text(self.text)
        # No domain of the cluster is named here: a per-domain topic is not in this file.
        return main(["topics", verb, "--file", str(self.path), "--bootstrap-servers", self.address])


@pytest.fixture
def cluster(tmp_path: Path, kafka_address: str, request: pytest.FixtureRequest) -> Cluster:
    prefix = request.node.name.replace("_", "-")[:40]
    return Cluster(tmp_path / "topics.yaml", prefix, kafka_address)


def test_plan_changes_nothing_and_apply_ends_all_drift(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("plan") == 0
    assert f"+ {cluster.prefix}-kept: create (2 partitions x 1, compact)" in capsys.readouterr().out
    assert cluster.run("drift") == 1
    assert cluster.run("apply") == 0
    capsys.readouterr()
    assert cluster.run("drift") == 0
    assert capsys.readouterr().out.startswith("no differences\n")


def test_settings_and_partitions_follow_the_file(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.run("apply")
    assert cluster.run("apply", old="60_000}", new="70_000, max.message.bytes: 2_048}") == 0
    assert cluster.run("apply", old="partitions: 2", new="partitions: 3") == 0
    out = capsys.readouterr().out
    assert "retention.ms 60000 -> 70000" in out
    assert "partitions 2 -> 3" in out
    assert cluster.run("drift") == 0
    live = TopicAdmin(KafkaSettings(cluster.address)).live()[f"{cluster.prefix}-log"]
    assert live.partitions == 3
    assert (live.configs["retention.ms"], live.configs["max.message.bytes"]) == ("70000", "2048")
    # A setting that leaves the file goes back to the broker's default.
    assert cluster.run("apply", old=", max.message.bytes: 2_048", new="") == 0
    live = TopicAdmin(KafkaSettings(cluster.address)).live()[f"{cluster.prefix}-log"]
    assert "max.message.bytes" not in live.overrides


def test_a_refusal_keeps_everything_else_from_being_applied(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.run("apply")
    assert cluster.run("plan", old="partitions: 2", new="partitions: 1") == 0
    assert "cannot take partitions away" in capsys.readouterr().out
    assert cluster.run("apply", old="60_000", new="70_000") == 1
    assert "nothing was changed" in capsys.readouterr().err
    live = TopicAdmin(KafkaSettings(cluster.address)).live()[f"{cluster.prefix}-log"]
    assert (live.partitions, live.configs["retention.ms"]) == (2, "60000")


def test_compaction_is_not_turned_off(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.run("apply")
    assert cluster.run("drift", old="compact}", new="delete}") == 1
    assert "cleanup.policy compact -> delete" in capsys.readouterr().out


def test_the_projects_own_file_is_applied_with_one_more_domain(
    own_kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    root_file = Path(__file__).parents[2] / "topics.yaml"
    common = ["--file", str(root_file), "--bootstrap-servers", own_kafka.bootstrap_servers]
    assert main(["topics", "drift", *common]) == 0
    assert main(["topics", "apply", *common, "--domain", "retail"]) == 0
    # The cluster's own domains count: the new one needs no naming to be looked after.
    assert main(["topics", "drift", *common]) == 0
    assert "undeclared" not in capsys.readouterr().out
    live = TopicAdmin(KafkaSettings(own_kafka.bootstrap_servers)).live()
    assert set(live) == set(load_topics(root_file).expand(["retail"]))


def test_a_cluster_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    root_file = Path(__file__).parents[2] / "topics.yaml"
    command = ["topics", "plan", "--file", str(root_file), "--bootstrap-servers", address]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "scarcity broker start" in said
