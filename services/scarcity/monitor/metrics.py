"""Prometheus metrics of a SystemView, made when they are asked for; own registry, bounded labels.

Labels are domain (at most MAX_DOMAINS), those of `domain_families` (closed sets), reason (closed),
service and group (closed: SERVICE_GROUPS), and topic (those of these domains, and OTHER).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from scarcity.events.errors import Reason
from scarcity.monitor.domain_families import DOMAIN_FAMILIES, Family
from scarcity.monitor.view import FIXED_TOPICS, UNKNOWN_REASON, SystemView

# Consumer groups by the service that reads with them. The monitor and clients read without one.
SERVICE_GROUPS: Final = {
    "scarcity-memory-fold": "memory",
    "scarcity-meta": "meta",
    "scarcity-gossip": "gossip",
}
OTHER: Final = "other"  # topics of domains that the view does not have
REASONS: Final = (*(reason.value for reason in Reason), UNKNOWN_REASON)


@dataclass(frozen=True)
class Groups:
    """The newest reading of the services' consumer groups.

    Attributes:
        lag: records behind the end, by (group, topic).
        members: workers in each group; a group that may not be seen is left out.
        read_at_ms: when it was read, ms since 1970; 0: never.
    """

    lag: Mapping[tuple[str, str], int] = field(default_factory=dict)
    members: Mapping[str, int] = field(default_factory=dict)
    read_at_ms: int = 0


class SystemCollector(Collector):
    """Turns a view into metric families.

    Args:
        view: what the topics say.
        now_ms: current time, ms since 1970.
        groups: the newest reading of the consumer groups.
    """

    def __init__(
        self, view: SystemView, now_ms: Callable[[], int], groups: Callable[[], Groups] = Groups
    ) -> None:
        self._view = view
        self._now_ms = now_ms
        self._groups = groups

    def collect(self) -> Iterator[Metric]:
        """All families; called by the registry."""
        now_ms = self._now_ms()
        for family in DOMAIN_FAMILIES:
            yield self._of_domains(family, now_ms)
        yield from self._occupancy()
        yield self._latency()
        yield self._dead_letters()
        yield from self._monitor()
        yield from self._services()

    def describe(self) -> Iterable[Metric]:
        """Nothing: families are known only when collected, and all of them are ours."""
        return []

    def _of_domains(self, family: Family, now_ms: int) -> Metric:
        kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
        metric = kind(family.name, family.text, labels=("domain", *family.labels))
        for name, domain in sorted(self._view.domains.items()):
            for labels, value in family.values(domain, now_ms):
                metric.add_metric((name, *labels), value)
        return metric

    def _occupancy(self) -> Iterator[Metric]:
        limit = self._view.memory_limit
        if not limit:
            return
        yield GaugeMetricFamily(
            "scarcity_memory_insights_limit",
            "Bound of the global memory, a domain: SCARCITY_MEMORY_MAX_INSIGHTS.",
            value=limit,
        )
        share = GaugeMetricFamily(
            "scarcity_memory_occupancy_ratio",
            "Insights the global memory holds over its bound, 0 to 1.",
            labels=("domain",),
        )
        for name, domain in sorted(self._view.domains.items()):
            share.add_metric((name,), domain.clients_heard / limit)
        yield share

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "scarcity_insight_to_parameters_seconds",
            "From a version's newest insight to the version's record.",
            labels=("domain",),
        )
        for name, domain in sorted(self._view.domains.items()):
            buckets = domain.latencies.cumulative()
            family.add_metric((name,), buckets, domain.latencies.total_s)
        return family

    def _dead_letters(self) -> Metric:
        family = CounterMetricFamily(
            "scarcity_dead_letters_total", "Parked records, by reason.", labels=("reason",)
        )
        # Also those that never came: an alert on an increase misses a series that begins at one.
        for reason in REASONS:
            family.add_metric((reason,), self._view.dead_letters.get(reason, 0))
        return family

    def _monitor(self) -> Iterator[Metric]:
        view = self._view
        yield CounterMetricFamily(
            "scarcity_monitor_records_total", "Records the monitor has read.", value=view.records
        )
        yield CounterMetricFamily(
            "scarcity_monitor_unreadable_records_total",
            "Records the monitor could not decode.",
            value=view.unreadable,
        )
        yield GaugeMetricFamily(
            "scarcity_monitor_newest_record_timestamp_seconds",
            "Time of the newest record the monitor has read, seconds since 1970.",
            value=view.newest_ms / 1000,
        )
        yield GaugeMetricFamily(
            "scarcity_monitor_groups_read_timestamp_seconds",
            "When the broker last told of the consumer groups, seconds since 1970; 0: never.",
            value=self._groups().read_at_ms / 1000,
        )

    def _services(self) -> Iterator[Metric]:
        groups = self._groups()
        lag = GaugeMetricFamily(
            "scarcity_consumer_lag_records",
            "Records a service is behind the end of a topic.",
            labels=("service", "group", "topic"),
        )
        told: dict[tuple[str, str], int] = {}
        for (group, topic), behind in groups.lag.items():
            if group in SERVICE_GROUPS:
                key = (group, self._known(topic))
                told[key] = told.get(key, 0) + behind
        for (group, topic), behind in sorted(told.items()):
            lag.add_metric((SERVICE_GROUPS[group], group, topic), behind)
        yield lag
        workers = GaugeMetricFamily(
            "scarcity_service_workers",
            "Workers that the broker counts in a service's consumer group.",
            labels=("service",),
        )
        for group, service in SERVICE_GROUPS.items():
            if group in groups.members:
                workers.add_metric((service,), groups.members[group])
        yield workers

    def _known(self, topic: str) -> str:
        """The topic, or OTHER: a cluster may have topics of more domains than there are labels."""
        if topic in FIXED_TOPICS or topic.partition(".")[2] in self._view.domains:
            return topic
        return OTHER


def exposition(collector: SystemCollector, *, process: bool = False) -> bytes:
    """The metrics page: Prometheus text format 0.0.4, this collector alone.

    Args:
        process: also memory, processor time and open files of this process.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    if process:
        ProcessCollector(registry=registry)
    return generate_latest(registry)
