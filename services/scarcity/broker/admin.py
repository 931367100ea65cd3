"""A live cluster's topics: read them, and carry out a plan."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from scarcity.broker.admin_client import TIMEOUT_S, AdminConnection
from scarcity.broker.declared import Declared, DeclaredTopic
from scarcity.broker.plan import Create, Grow, LiveTopic, Plan, SetConfig, is_visible, make_plan
from scarcity.events.errors import BrokerError, ServiceError
from scarcity.events.topics import INSIGHTS_PREFIX

REACH_S: Final = 5.0  # librdkafka goes on trying a port that refuses until this has passed
POLL_S: Final = 0.05


class TopicAdmin(AdminConnection):
    """Topics of a cluster; raises as its base."""

    def live(self) -> dict[str, LiveTopic]:
        """Topics of the cluster by name, internal ones left out.

        Raises:
            BrokerError: the cluster does not answer.
        """
        kind = self._kafka.ConfigResource.Type.TOPIC
        try:
            listed = self._client.list_topics(timeout=REACH_S).topics
        except self._kafka.KafkaException as error:
            raise self._error("list topics", error) from None
        names = sorted(n for n in listed if not n.startswith("__"))
        if not names:
            return {}
        asked = self._client.describe_configs(
            [self._kafka.ConfigResource(kind, n) for n in names],
            request_timeout=TIMEOUT_S,
        )
        configs = {r.name: self._wait(f, f"describe topic {r.name}") for r, f in asked.items()}
        own = self._kafka.ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {n: _live(listed[n].partitions, configs[n], own) for n in names}

    def plan(self, declared: Declared, domains: Iterable[str] = ()) -> Plan:
        """Differences for the declared domains, the given ones, and those the cluster has."""
        live = self.live()
        there = [n.removeprefix(INSIGHTS_PREFIX) for n in live if n.startswith(INSIGHTS_PREFIX)]
        return make_plan(declared.expand([*domains, *there]), live)

    def apply(self, plan: Plan) -> None:
        """Carry a plan out; nothing of it when it holds a refusal. Returns when all is visible.

        Raises:
            ServiceError: the plan holds a refusal.
            BrokerError: the cluster refused a change or does not answer.
        """
        if plan.refusals:
            raise ServiceError("; ".join(str(r) for r in plan.refusals) + ": nothing was changed")
        self._create({c.name: c.topic for c in plan.changes if isinstance(c, Create)})
        self._grow([c for c in plan.changes if isinstance(c, Grow)])
        self._set_configs([c for c in plan.changes if isinstance(c, SetConfig)])
        self._wait_until_visible(plan)

    def create(self, topics: Mapping[str, DeclaredTopic]) -> None:
        """Create topics by real name and return when they are visible; raises as :meth:`apply`."""
        self.apply(Plan(tuple(Create(name, topic) for name, topic in topics.items())))

    def _wait_until_visible(self, plan: Plan) -> None:
        # The controller answers before the brokers have heard of it.
        deadline = time.monotonic() + TIMEOUT_S
        while not is_visible(plan, self.live()):
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"{self._servers} does not show all changes after {TIMEOUT_S:.0f} s: look "
                    "again with `scarcity topics drift`"
                )
            time.sleep(POLL_S)

    def _create(self, topics: Mapping[str, DeclaredTopic]) -> None:
        if not topics:
            return
        wanted = [
            self._kafka.NewTopic(
                name,
                num_partitions=topic.partitions,
                replication_factor=topic.replication,
                config=dict(topic.configs),
            )
            for name, topic in topics.items()
        ]
        done = self._client.create_topics(wanted, operation_timeout=TIMEOUT_S)
        for name, future in done.items():
            self._wait(future, f"create topic {name}")

    def _grow(self, changes: list[Grow]) -> None:
        if not changes:
            return
        wanted = [self._kafka.NewPartitions(change.name, change.new) for change in changes]
        for name, future in self._client.create_partitions(wanted).items():
            self._wait(future, f"add partitions to {name}")

    def _set_configs(self, changes: list[SetConfig]) -> None:
        ops, kind = self._kafka.AlterConfigOpType, self._kafka.ConfigResource.Type.TOPIC
        entries: dict[str, list[Any]] = {}
        for change in changes:
            op = ops.DELETE if change.new is None else ops.SET
            entry = self._kafka.ConfigEntry(change.key, change.new, incremental_operation=op)
            entries.setdefault(change.name, []).append(entry)
        if not entries:
            return
        wanted = [
            self._kafka.ConfigResource(kind, name, incremental_configs=listed)
            for name, listed in entries.items()
        ]
        for resource, future in self._client.incremental_alter_configs(wanted).items():
            self._wait(future, f"configure topic {resource.name}")


def _live(partitions: Mapping[int, Any], configs: Mapping[str, Any], own: int) -> LiveTopic:
    return LiveTopic(
        partitions=len(partitions),
        replication=min(len(p.replicas) for p in partitions.values()),
        configs={name: entry.value or "" for name, entry in configs.items()},
        overrides=frozenset(name for name, entry in configs.items() if entry.source == own),
    )
