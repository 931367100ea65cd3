"""Prometheus metrics of a SystemView, made when they are asked for; own registry, bounded labels.

Labels are domain (at most MAX_DOMAINS), expert (10), reason, state, model, by and phase (closed
sets), and group and topic for lag (as many as the cluster has of ours).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from scarcity.events.types import EXPERT_NAMES
from scarcity.monitor.domain_view import DomainView
from scarcity.monitor.view import SystemView

Lag = Mapping[tuple[str, str], int]  # records behind the end, by (group, topic)
DomainValues = Callable[[DomainView], Iterable[tuple[tuple[str, ...], float]]]
MARKED_BY = ("check", "operator", "repair")
PHASES = ("gossip", "collection", "processing", "broadcast", "training")


class SystemCollector(Collector):
    """Turns a view into metric families.

    Args:
        view: what the topics say.
        now_ms: current time, ms since 1970.
        lag: the newest reading of the consumer groups' lag.
    """

    def __init__(
        self, view: SystemView, now_ms: Callable[[], int], lag: Callable[[], Lag] = dict
    ) -> None:
        self._view = view
        self._now_ms = now_ms
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """All families; called by the registry."""
        now_ms = self._now_ms()
        yield from self._rounds()
        yield from self._insights(now_ms)
        yield from self._errors()
        yield from self._privacy()
        yield from self._gossip()
        yield from self._latency()
        yield from self._system()

    def describe(self) -> Iterable[Metric]:
        """Nothing: families are known only when collected, and all of them are ours."""
        return []

    def _gauge(
        self, name: str, text: str, values: DomainValues, labels: tuple[str, ...] = ()
    ) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("domain", *labels))
        return self._fill(family, values)

    def _counter(self, name: str, text: str, value: Callable[[DomainView], float]) -> Metric:
        family = CounterMetricFamily(name, text, labels=("domain",))
        return self._fill(family, lambda d: [((), value(d))])

    def _fill(
        self, family: GaugeMetricFamily | CounterMetricFamily, values: DomainValues
    ) -> Metric:
        for name, domain in sorted(self._view.domains.items()):
            for labels, value in values(domain):
                family.add_metric((name, *labels), value)
        return family

    def _rounds(self) -> Iterator[Metric]:
        yield self._counter(
            "scarcity_rounds",
            "Rounds finished: versions of the meta-parameters.",
            lambda d: max(0, d.version),
        )
        yield self._counter(
            "scarcity_reverted_rounds",
            "Rounds whose predecessor's step was taken back.",
            lambda d: d.reverted_rounds,
        )
        yield self._counter(
            "scarcity_repaired_versions",
            "Versions that are repairs: the state without some clients.",
            lambda d: d.repairs,
        )
        yield self._gauge(
            "scarcity_marked_clients",
            "Clients whose insights do not count, by whose word.",
            lambda d: [((by,), d.clients_marked(by)) for by in MARKED_BY],
            ("by",),
        )
        yield self._gauge(
            "scarcity_staleness_versions",
            "Mean age of the insights of the last round.",
            lambda d: [((), r.mean_staleness_versions)] if (r := d.rounds.last) else [],
        )
        yield self._gauge(
            "scarcity_step_scale_ratio",
            "Size of the meta-learner's step after the gate, 0 to 1.",
            lambda d: [((), r.step_scale)] if (r := d.rounds.last) else [],
        )
        yield self._gauge(
            "scarcity_round_phase_seconds",
            "Seconds the last round spent in a phase.",
            lambda d: [
                ((phase,), r.phases_s[phase])
                for r in [d.rounds.last]
                if r
                for phase in PHASES
                if phase in r.phases_s
            ],
            ("phase",),
        )

    def _insights(self, now_ms: int) -> Iterator[Metric]:
        yield self._counter(
            "scarcity_insights",
            "Records in the insights topic, good or bad.",
            lambda d: d.insights,
        )
        yield self._counter(
            "scarcity_accepted_insights",
            "Insights folded into the global memory.",
            lambda d: d.accepted.value,
        )
        yield self._counter(
            "scarcity_duplicate_insights",
            "Insights dropped as repeated or older.",
            lambda d: d.duplicates.value,
        )
        yield self._gauge(
            "scarcity_clients",
            "Clients: joined, heard (in memory), active.",
            lambda d: [
                (("registered",), d.registered.value),
                (("heard",), d.clients_heard),
                (("active",), d.clients_active(now_ms)),
            ],
            ("state",),
        )

    def _errors(self) -> Iterator[Metric]:
        yield self._gauge(
            "scarcity_loss",
            "Mean query loss of the last round's clients; standardised units.",
            lambda d: (
                [((), r.mean_loss)] if (r := d.rounds.last) and r.mean_loss is not None else []
            ),
        )
        yield self._gauge(
            "scarcity_expert_loss",
            "The same, by expert.",
            lambda d: [
                ((expert,), loss)
                for r in [d.rounds.last]
                if r
                for expert, loss in zip(EXPERT_NAMES, r.expert_losses, strict=False)
                if loss is not None
            ],
            ("expert",),
        )
        yield self._gauge(
            "scarcity_evaluation_error",
            "Mean squared error of clients that never took part; standardised units.",
            lambda d: [
                (("routed",), e.routed), (("uniform",), e.uniform),
                (("own_ridge",), e.own_ridge), (("own_mean",), e.own_mean),
            ] if (e := d.evaluations.last) else [],
            ("model",),
        )  # fmt: skip

    def _privacy(self) -> Iterator[Metric]:
        yield self._counter(
            "scarcity_losses_only_insights",
            "Insights that hold losses alone, as of clients whose privacy budget is spent.",
            lambda d: d.without_slopes,
        )
        yield self._gauge(
            "scarcity_privacy_limited_clients",
            "Clients whose privacy limit is reached: they publish no more slopes, or nothing.",
            lambda d: [
                (("without_slopes",), d.clients_limited("slopes")),
                (("silent",), d.clients_limited("all")),
            ],
            ("state",),
        )
        yield self._gauge(
            "scarcity_privacy_epsilon",
            "Epsilon spent, at the domain's delta; privacy mode dp.",
            lambda d: [((), d.dp.epsilon)] if d.dp else [],
        )
        yield self._gauge(
            "scarcity_privacy_epsilon_limit",
            "Epsilon that the domain may not pass; privacy mode dp.",
            lambda d: [((), d.dp.rules.epsilon_limit)] if d.dp else [],
        )
        yield self._gauge(
            "scarcity_privacy_delta",
            "Probability outside the promise of epsilon; privacy mode dp.",
            lambda d: [((), d.dp.delta)] if d.dp else [],
        )

    def _gossip(self) -> Iterator[Metric]:
        yield self._counter(
            "scarcity_gossip_exchanges", "Exchanges between peers.", lambda d: d.exchanges.value
        )
        yield self._counter(
            "scarcity_gossip_evictions",
            "Peers left out after they hurt.",
            lambda d: d.evictions.value,
        )
        yield self._counter(
            "scarcity_gossip_readmissions", "Peers let in again.", lambda d: d.readmissions.value
        )
        yield self._gauge(
            "scarcity_gossip_waiting_clients",
            "Clients of the newest plans without peers.",
            lambda d: [((), sum(p.status == "waiting" for p in d.plans.values()))],
        )

    def _latency(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "scarcity_insight_to_parameters_seconds",
            "From a version's newest insight to the version's record.",
            labels=("domain",),
        )
        for name, domain in sorted(self._view.domains.items()):
            buckets = domain.latencies.cumulative()
            family.add_metric((name,), buckets, domain.latencies.total_s)
        yield family

    def _system(self) -> Iterator[Metric]:
        view = self._view
        parked = CounterMetricFamily(
            "scarcity_dead_letters", "Parked records, by reason.", labels=("reason",)
        )
        for reason, count in sorted(view.dead_letters.items()):
            parked.add_metric((reason,), count)
        yield parked
        yield CounterMetricFamily(
            "scarcity_monitor_records", "Records the monitor has read.", value=view.records
        )
        yield CounterMetricFamily(
            "scarcity_monitor_unreadable_records",
            "Records the monitor could not decode.",
            value=view.unreadable,
        )
        yield self._gauge(
            "scarcity_memory_insights",
            "Insights the global memory holds: the latest of each client.",
            lambda d: [((), d.clients_heard)],
        )
        if view.memory_limit:
            yield GaugeMetricFamily(
                "scarcity_memory_insights_limit",
                "Bound of the global memory, a domain.",
                value=view.memory_limit,
            )
        lag = GaugeMetricFamily(
            "scarcity_consumer_lag_records",
            "Records a consumer group is behind the end of a topic.",
            labels=("group", "topic"),
        )
        for (group, topic), behind in sorted(self._lag().items()):
            lag.add_metric((group, topic), behind)
        yield lag


def exposition(collector: SystemCollector) -> bytes:
    """The metrics page: Prometheus text format 0.0.4, this collector alone."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)
