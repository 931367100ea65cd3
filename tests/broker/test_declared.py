"""topics.yaml is read with errors that name the place, and agrees with the events."""

from pathlib import Path

import pytest

from scarcity.broker.declared import Copies, Declared, find_topics_file, load_topics, parse_topics
from scarcity.broker.schemas import EVENTS
from scarcity.broker.settings import MAX_REQUEST_BYTES
from scarcity.broker.yaml_place import compose
from scarcity.events.errors import InputError

ROOT_FILE = Path(__file__).parents[2] / "topics.yaml"
SMALL = """\
defaults: {partitions: 3, replication: 1, min_isr: 1}
domains: [economic]
topics:
  insights.<domain>:
    purpose: losses
    key: client_id
    value: Insight
    encoding: json
    copartitioned_with: global-memory
    configs: {cleanup.policy: delete, retention.ms: 1_000}
  global-memory:
    purpose: memory
    key: <domain>/<client_id>
    value: ClientMemory
    encoding: json
    configs:
      cleanup.policy: compact
services:
  memory: {consumes: [insights.<domain>], produces: [global-memory]}
"""


def parse(text: str) -> Declared:
    return parse_topics(compose(text, "topics.yaml"))


def test_a_topic_of_all_domains_is_expanded_for_each() -> None:
    assert sorted(parse(SMALL).expand(["medical"])) == [
        "global-memory",
        "insights.economic",
        "insights.medical",
    ]


def test_defaults_fill_what_a_topic_leaves_open() -> None:
    topic = parse(SMALL).expand()["insights.economic"]
    assert (topic.partitions, topic.replication) == (3, 1)
    assert topic.configs == {
        "cleanup.policy": "delete",
        "retention.ms": "1000",
        "min.insync.replicas": "1",
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("purpose: losses", "porpoise: losses", "line 5: .*<domain>.porpoise: unknown"),
        ("    purpose: losses\n", "", "'purpose' is missing"),
        ("  global-memory:\n", "  insights.<domain>:\n", "line 11: .*stands twice"),
        ("retention.ms: 1_000", "retention.ms: -2", "line 10: .*retention.ms: -2 must lie between"),
        ("retention.ms: 1_000", "retention.ms: week", "'week' is no whole number"),
        ("retention.ms: 1_000", "retention.msec: 1", "retention.msec: unknown key"),
        ("cleanup.policy: delete", "cleanup.policy: forget", "'forget' is not one of: delete"),
        ("partitions: 3", "partitions: 0", "line 1: defaults.partitions: 0 must lie between"),
        ("min_isr: 1", "min_isr: 2", "defaults.min_isr: 2 must lie between 1 and 1"),
        ("domains: [economic]", "domains: [Economic]", "line 2: .*lower-case"),
        ("domains: [economic]", "domains: [a, a]", "listed twice"),
        ("domains: [economic]", "domains: economic", "a list is expected"),
        ("produces: [global-memory]", "produces: [global]", "'global' is no topic"),
        ("_with: global-memory", "_with: nothing", "'nothing' is no topic"),
        ("    encoding: json\n    configs:\n",
         "    encoding: json\n    partitions: 4\n    configs:\n",
         "3 partitions here, 4 in global-memory"),
        ("defaults: {", "defaults: {{", "not YAML"),
        ("  global-memory:\n", "  global memory!:\n", "a topic's name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(old: str, new: str, told: str) -> None:
    assert old in SMALL
    with pytest.raises(InputError, match=told) as caught:
        parse(SMALL.replace(old, new, 1))
    assert str(caught.value).startswith("topics.yaml line ")
    assert "\n" not in str(caught.value)


def test_an_empty_or_absent_file_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "topics.yaml"
    empty.write_text("# nothing\n")
    with pytest.raises(InputError, match="empty"):
        load_topics(empty)
    with pytest.raises(InputError, match="cannot be read"):
        load_topics(tmp_path / "absent.yaml")


def test_the_file_is_found_by_option_then_environment_then_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("given.yaml", "named.yaml", "topics.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    environ = {"SCARCITY_TOPICS_FILE": "named.yaml"}
    assert find_topics_file(Path("given.yaml"), environ) == Path("given.yaml")
    assert find_topics_file(None, environ) == Path("named.yaml")
    assert find_topics_file(None, {}) == Path("topics.yaml")
    with pytest.raises(InputError, match="--file or SCARCITY_TOPICS_FILE"):
        find_topics_file(Path("absent.yaml"), {})


def test_every_declared_value_is_an_event_and_every_event_has_its_topic() -> None:
    declared = load_topics(ROOT_FILE)
    values = {topic.value for topic in declared.topics}
    # The deviations travel inside the payload of GossipWeights, revocations among the insights.
    others = {"GossipDeviation", "SealedDeviation", "Revocation"}
    assert values - {"bytes"} == EVENTS.keys() - others


def test_every_topic_has_a_writer_and_a_reader() -> None:
    declared = load_topics(ROOT_FILE)
    names = {topic.name for topic in declared.topics}
    assert {n for s in declared.services.values() for n in s.produces} == names
    assert {n for s in declared.services.values() for n in s.consumes} == names


def test_the_largest_insight_can_be_parked_with_headers_added() -> None:
    topics = load_topics(ROOT_FILE).expand()
    insight = int(topics["insights.economic"].configs["max.message.bytes"])
    letter = int(topics["dead-letters"].configs["max.message.bytes"])
    assert insight + 64 * 1024 <= letter <= MAX_REQUEST_BYTES


def test_the_ledger_is_kept_for_ever_in_one_partition() -> None:
    ledger = load_topics(ROOT_FILE).expand()["ledger"]
    assert ledger.partitions == 1
    assert (ledger.configs["retention.ms"], ledger.configs["retention.bytes"]) == ("-1", "-1")


def test_a_cluster_may_keep_more_copies_than_the_file_says() -> None:
    declared = load_topics(ROOT_FILE, Copies(3, 2))
    assert {t.replication for t in declared.topics} == {3}
    assert {t.configs["min.insync.replicas"] for t in declared.topics} == {"2"}
    with pytest.raises(InputError, match="--min-isr 4"):
        load_topics(ROOT_FILE, Copies(3, 4))
