"""What must change on a cluster so that it is as topics.yaml says. Pure: no broker is asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from scarcity.broker.declared import DeclaredTopic


@dataclass(frozen=True)
class LiveTopic:
    """A topic of a cluster.

    Attributes:
        configs: effective settings, defaults of the broker included.
        overrides: names of the settings that were set for this topic itself.
    """

    partitions: int
    replication: int
    configs: Mapping[str, str]
    overrides: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Create:
    """The topic does not exist yet."""

    name: str
    topic: DeclaredTopic

    def __str__(self) -> str:
        t = self.topic
        policy = t.configs["cleanup.policy"]
        return f"+ {self.name}: create ({t.partitions} partitions x {t.replication}, {policy})"


@dataclass(frozen=True)
class SetConfig:
    """A setting differs; ``new`` None takes it back to the broker's default."""

    name: str
    key: str
    old: str
    new: str | None

    def __str__(self) -> str:
        new = "the broker's default" if self.new is None else self.new
        return f"~ {self.name}: {self.key} {self.old} -> {new}"


@dataclass(frozen=True)
class Grow:
    """More partitions. Keys move to others: records of before keep their old place."""

    name: str
    old: int
    new: int

    def __str__(self) -> str:
        return f"~ {self.name}: partitions {self.old} -> {self.new} (keys move to other partitions)"


@dataclass(frozen=True)
class Refusal:
    """A difference that is never removed by a command, because data would be lost."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"! {self.name}: refused: {self.reason}"


Change = Create | SetConfig | Grow | Refusal


@dataclass(frozen=True)
class Plan:
    """All differences, by topic name.

    Attributes:
        undeclared: topics of the cluster that topics.yaml does not know; never touched.
    """

    changes: tuple[Change, ...]
    undeclared: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Differences that stay."""
        return tuple(c for c in self.changes if isinstance(c, Refusal))

    def lines(self) -> list[str]:
        """The plan for a person."""
        lines = [str(change) for change in self.changes] or ["no differences"]
        if self.undeclared:
            lines.append(f"  not declared, left alone: {', '.join(self.undeclared)}")
        return lines


def make_plan(desired: Mapping[str, DeclaredTopic], live: Mapping[str, LiveTopic]) -> Plan:
    """Compare what is declared with what is there.

    Args:
        desired: declared topics by real name (`Declared.expand`).
        live: topics of the cluster by name; internal ones (`__…`) are passed over.
    """
    changes: list[Change] = []
    for name, topic in sorted(desired.items()):
        there = live.get(name)
        changes += [Create(name, topic)] if there is None else _differences(name, topic, there)
    undeclared = tuple(sorted(n for n in live if n not in desired and not n.startswith("__")))
    return Plan(tuple(changes), undeclared)


def is_visible(plan: Plan, live: Mapping[str, LiveTopic]) -> bool:
    """Whether a cluster shows every change of a plan that was carried out."""
    return all(_shows(change, live.get(change.name)) for change in plan.changes)


def _shows(change: Change, live: LiveTopic | None) -> bool:
    if live is None:
        return False
    match change:
        case Create(topic=topic):
            return live.partitions == topic.partitions
        case Grow(new=partitions):
            return live.partitions == partitions
        case SetConfig(key=key, new=None):
            return key not in live.overrides
        case SetConfig(key=key, new=value):
            return live.configs.get(key) == value
        case Refusal():
            return True


def _differences(name: str, topic: DeclaredTopic, live: LiveTopic) -> list[Change]:
    changes: list[Change] = []
    if topic.partitions > live.partitions:
        changes.append(Grow(name, live.partitions, topic.partitions))
    elif topic.partitions < live.partitions:
        changes.append(
            Refusal(
                name,
                f"partitions {live.partitions} -> {topic.partitions}: Kafka cannot take partitions "
                f"away; declare {live.partitions}, or make a new topic",
            )
        )
    if topic.replication != live.replication:
        changes.append(
            Refusal(
                name,
                f"replication {live.replication} -> {topic.replication}: move replicas with "
                "kafka-reassign-partitions, then declare it",
            )
        )
    for key, value in sorted(topic.configs.items()):
        old = live.configs.get(key, "")
        if key == "cleanup.policy":
            changes += _policy_change(name, old, value)
        elif old != value:
            changes.append(SetConfig(name, key, old, value))
    for key in sorted(live.overrides - topic.configs.keys()):
        changes.append(SetConfig(name, key, live.configs.get(key, ""), None))
    return changes


def _policy_change(name: str, old: str, new: str) -> list[Change]:
    before, after = set(old.split(",")), set(new.split(","))
    if before == after:
        return []
    if "compact" in before - after:
        return [
            Refusal(
                name,
                f"cleanup.policy {old} -> {new}: without compaction the newest records of quiet "
                "keys would be deleted; delete the topic yourself if you mean it",
            )
        ]
    return [SetConfig(name, "cleanup.policy", old, new)]
