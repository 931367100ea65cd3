"""The figures of the live view as one JSON document: `scarcity status --json`. Pure."""

from math import isfinite
from typing import Any

from scarcity.monitor.domain_view import DomainView, is_below_best_local
from scarcity.monitor.metrics import Groups
from scarcity.monitor.view import SystemView


def snapshot(view: SystemView, now_ms: int, groups: Groups | None = None) -> dict[str, Any]:
    """The document; figures that are not known are null.

    Args:
        now_ms: for rates and activity, ms since 1970.
        groups: how far the services' consumer groups are behind; None: not asked.
    """
    return {
        "at_ms": now_ms,
        "newest_record_ms": view.newest_ms or None,
        "records": view.records,
        "unreadable_records": view.unreadable,
        "privacy_modes": view.privacy_modes,
        "memory": {"insights": view.memory_clients, "limit_a_domain": view.memory_limit or None},
        "dead_letters": dict(sorted(view.dead_letters.items())),
        "groups": None if groups is None else _groups(groups),
        "domains": {name: _domain(d, now_ms) for name, d in sorted(view.domains.items())},
    }


def _groups(groups: Groups) -> dict[str, Any]:
    told: dict[str, Any] = {
        group: {"members": members, "lag": {}} for group, members in sorted(groups.members.items())
    }
    for (group, topic), behind in sorted(groups.lag.items()):
        told.setdefault(group, {"members": None, "lag": {}})["lag"][topic] = behind
    return told


def _domain(domain: DomainView, now_ms: int) -> dict[str, Any]:
    last = domain.rounds.last
    evaluation = domain.evaluations.last
    new_clients = None
    if evaluation is not None:
        new_clients = {
            "version": evaluation.version,
            "clients": evaluation.clients,
            "routed": _number(evaluation.routed),
            "uniform": _number(evaluation.uniform),
            "own_ridge": _number(evaluation.own_ridge),
            "own_mean": _number(evaluation.own_mean),
            "below_best_local": is_below_best_local(evaluation),
        }
    return {
        "version": domain.version,
        "privacy": domain.privacy,
        "clients": {
            "registered": domain.registered.value,
            "heard": domain.clients_heard,
            "active": domain.clients_active(now_ms),
            "without_slopes": domain.clients_limited("slopes"),
            "silent": domain.clients_limited("all"),
        },
        "insights": {
            "published": domain.insights,
            "accepted": domain.accepted.value,
            "duplicates": domain.duplicates.value,
            "losses_alone": domain.without_slopes,
            "per_second": domain.insight_rate.per_second(now_ms),
        },
        "insight_to_parameters_s": {
            "p50": domain.latencies.quantile(0.5),
            "p99": domain.latencies.quantile(0.99),
        },
        "round": None
        if last is None
        else {
            "clients": last.clients,
            "mean_loss": _number(last.mean_loss),
            "staleness_versions": last.mean_staleness_versions,
            "closed_by": last.closed_by,
            "step_scale": last.step_scale,
            "phases_s": last.phases_s,
        },
        "start_loss": _number(domain.start_loss),
        "reverted_rounds": domain.reverted_rounds,
        "repairs": domain.repairs,
        "marked": dict(sorted(domain.marked.items())),
        "epsilon": None if domain.dp is None else domain.dp.epsilon,
        "new_clients": new_clients,
        "gossip": {
            "cycle": domain.gossip_cycle,
            "exchanges": domain.exchanges.value,
            "evictions": domain.evictions.value,
            "readmissions": domain.readmissions.value,
            "waiting": domain.waiting,
        },
    }


def _number(value: float | None) -> float | None:
    """JSON knows no infinity."""
    return value if value is not None and isfinite(value) else None
