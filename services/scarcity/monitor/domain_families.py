"""The metric families of a domain: names by Prometheus' conventions, HELP texts, and their values.

A table, so that tests, alert rules and dashboards can walk it. Every label has a closed set of
values; none names a client, whose number has no bound.

Source of the conventions: Prometheus, "Metric and label naming" and "Writing exporters".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from scarcity.events.gossip_weights import Refusal
from scarcity.events.types import EXPERT_NAMES
from scarcity.monitor.domain_view import DomainView

MARKED_BY: Final = ("check", "operator", "repair")
PHASES: Final = ("gossip", "collection", "processing", "broadcast", "training")
CLIENT_STATES: Final = ("registered", "heard", "active")
LIMITED_STATES: Final = ("without_slopes", "silent")
MODELS: Final = ("routed", "uniform", "own_ridge", "own_mean")
Values = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True)
class Family:
    """One metric of a domain.

    Attributes:
        name: as it stands on the page; a counter ends in `_total`, a unit stands before that.
        kind: what Prometheus calls its type.
        text: HELP.
        values: label values beside the domain's name, and the figure; `now_ms` is passed in.
        labels: names of those labels.
        allowed: all values that these labels may take.
    """

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    values: Callable[[DomainView, int], Values]
    labels: tuple[str, ...] = ()
    allowed: tuple[tuple[str, ...], ...] = ()


def _counter(name: str, text: str, value: Callable[[DomainView], float]) -> Family:
    return Family(name, "counter", text, lambda d, _: [((), value(d))])


def _gauge(name: str, text: str, value: Callable[[DomainView], float | None]) -> Family:
    """A figure that is left out while it is None."""

    def values(domain: DomainView, now_ms: int) -> Values:
        del now_ms
        found = value(domain)
        return [] if found is None else [((), found)]

    return Family(name, "gauge", text, values)


def _labelled(
    name: str, text: str, label: str, allowed: tuple[str, ...],
    value: Callable[[DomainView, int, str], float | None],
) -> Family:  # fmt: skip
    def values(domain: DomainView, now_ms: int) -> Values:
        for told in allowed:
            found = value(domain, now_ms, told)
            if found is not None:
                yield (told,), found

    return Family(name, "gauge", text, values, (label,), (allowed,))


ROUNDS: Final = (
    _counter(
        "scarcity_rounds_total",
        "Rounds finished: versions of the meta-parameters.",
        lambda d: max(0, d.version),
    ),
    _counter(
        "scarcity_reverted_rounds_total",
        "Rounds whose predecessor's step was taken back by the gate.",
        lambda d: d.reverted_rounds,
    ),
    _counter(
        "scarcity_repaired_versions_total",
        "Versions that are repairs: the state without some clients.",
        lambda d: d.repairs,
    ),
    _gauge(
        "scarcity_last_round_timestamp_seconds",
        "When the newest version was written, seconds since 1970; broker's time.",
        lambda d: d.round_at_ms / 1000 if d.round_at_ms else None,
    ),
    _gauge(
        "scarcity_round_min_clients",
        "Active clients below which the domain waits, by its profile.",
        lambda d: d.profile.policy.min_clients if d.profile else None,
    ),
    _labelled(
        "scarcity_marked_clients",
        "Clients whose insights do not count (quarantine), by whose word.",
        "by",
        MARKED_BY,
        lambda d, _, by: d.clients_marked(by),
    ),
    _gauge(
        "scarcity_staleness_versions",
        "Mean age of the insights of the last round.",
        lambda d: r.mean_staleness_versions if (r := d.rounds.last) else None,
    ),
    _gauge(
        "scarcity_step_scale_ratio",
        "Size of the meta-learner's step after the gate, 0 to 1.",
        lambda d: r.step_scale if (r := d.rounds.last) else None,
    ),
    _labelled(
        "scarcity_round_phase_seconds",
        "Seconds the last round spent in a phase.",
        "phase",
        PHASES,
        lambda d, _, phase: r.phases_s.get(phase) if (r := d.rounds.last) else None,
    ),
)  # fmt: skip

INSIGHTS: Final = (
    _counter(
        "scarcity_insights_total",
        "Records in the insights topic, good or bad.",
        lambda d: d.insights,
    ),
    _counter(
        "scarcity_accepted_insights_total",
        "Insights folded into the global memory.",
        lambda d: d.accepted.value,
    ),
    _counter(
        "scarcity_duplicate_insights_total",
        "Insights dropped as repeated or older.",
        lambda d: d.duplicates.value,
    ),
    _labelled(
        "scarcity_clients",
        "Clients: joined, heard (in memory), active.",
        "state",
        CLIENT_STATES,
        lambda d, now_ms, state: {
            "registered": d.registered.value,
            "heard": d.clients_heard,
            "active": d.clients_active(now_ms),
        }[state],
    ),
)

MEMORY: Final = (
    _gauge(
        "scarcity_memory_insights",
        "Insights the global memory holds: the latest of each client.",
        lambda d: d.clients_heard,
    ),
    _counter(
        "scarcity_memory_evictions_total",
        "Clients whose insight the global memory let go, to stay within its bound.",
        lambda d: d.forgotten,
    ),
)

ERRORS: Final = (
    _gauge(
        "scarcity_loss",
        "Mean query loss of the last round's clients; standardised units.",
        lambda d: r.mean_loss if (r := d.rounds.last) else None,
    ),
    _gauge(
        "scarcity_start_loss",
        "The same of the domain's first round that had one.",
        lambda d: d.start_loss,
    ),
    _labelled(
        "scarcity_expert_loss",
        "Mean query loss of the last round's clients, by expert.",
        "expert",
        EXPERT_NAMES,
        lambda d, _, expert: _of_expert(r.expert_losses if (r := d.rounds.last) else [], expert),
    ),
    _labelled(
        "scarcity_expert_routing_ratio",
        "Mean weight of an expert in the ensemble of new clients, 0 to 1.",
        "expert",
        EXPERT_NAMES,
        lambda d, _, expert: _of_expert(e.routing if (e := d.evaluations.last) else [], expert),
    ),
    _labelled(
        "scarcity_evaluation_error",
        "Mean squared error of clients that never took part; standardised units.",
        "model",
        MODELS,
        lambda d, _, model: {
            "routed": e.routed,
            "uniform": e.uniform,
            "own_ridge": e.own_ridge,
            "own_mean": e.own_mean,
        }[model] if (e := d.evaluations.last) else None,
    ),
)  # fmt: skip

PRIVACY: Final = (
    _counter(
        "scarcity_losses_only_insights_total",
        "Insights that hold losses alone, as of clients whose privacy budget is spent.",
        lambda d: d.without_slopes,
    ),
    _labelled(
        "scarcity_privacy_limited_clients",
        "Clients whose privacy limit is reached: they publish no more slopes, or nothing.",
        "state",
        LIMITED_STATES,
        lambda d, _, state: d.clients_limited("slopes" if state == "without_slopes" else "all"),
    ),
    _gauge(
        "scarcity_privacy_epsilon",
        "Epsilon spent, at the domain's delta; privacy mode dp.",
        lambda d: d.dp.epsilon if d.dp else None,
    ),
    _gauge(
        "scarcity_privacy_epsilon_limit",
        "Epsilon that the domain may not pass; privacy mode dp.",
        lambda d: d.dp.rules.epsilon_limit if d.dp else None,
    ),
    _gauge(
        "scarcity_privacy_delta",
        "Probability outside the promise of epsilon; privacy mode dp.",
        lambda d: d.dp.delta if d.dp else None,
    ),
)

GOSSIP: Final = (
    _counter(
        "scarcity_gossip_cycles_total",
        "Cycles that the planner has planned.",
        lambda d: d.gossip_cycle,
    ),
    _counter(
        "scarcity_gossip_exchanges_total",
        "Exchanges between peers.",
        lambda d: d.exchanges.value,
    ),
    _counter(
        "scarcity_gossip_evictions_total",
        "Peers left out after they hurt.",
        lambda d: d.evictions.value,
    ),
    _counter(
        "scarcity_gossip_readmissions_total",
        "Peers let in again.",
        lambda d: d.readmissions.value,
    ),
    Family(
        "scarcity_gossip_refused_total",
        "counter",
        "Messages of peers that clients refused: not signed, sent again, not for them, by reason.",
        lambda d, _: [((reason.value,), total.value) for reason, total in d.refused.items()],
        ("reason",),
        (tuple(reason.value for reason in Refusal),),
    ),
    _gauge(
        "scarcity_gossip_waiting_clients",
        "Clients of the newest plans without peers.",
        lambda d: sum(p.status == "waiting" for p in d.plans.values()),
    ),
)

DOMAIN_FAMILIES: Final = (*ROUNDS, *INSIGHTS, *MEMORY, *ERRORS, *PRIVACY, *GOSSIP)


def _of_expert(values: list[float] | list[float | None], expert: str) -> float | None:
    number = EXPERT_NAMES.index(expert)
    return values[number] if number < len(values) else None
