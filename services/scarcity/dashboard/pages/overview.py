"""All domains at a glance."""

from math import ceil

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.common import (
    Document,
    Question,
    State,
    first_loss,
    quantiles_ms,
    short,
    smoothed,
    spread,
    status,
)
from scarcity.monitor.domain_view import DomainView, best_local, is_below_best_local

SPARK_POINTS = 48


def overview(board: Board, state: State, _question: Question, now_ms: int) -> Document:
    """The document of the first page."""
    rows = {name: _row(board, board.domains[name], now_ms) for name in board.names()}
    recent = sorted(s for d in board.domains.values() for s in d.latencies.recent())
    return {
        "status": status(board, state, now_ms),
        "totals": {
            "domains": len(rows),
            "rounds": sum(max(0, row["round"]) for row in rows.values()),
            "registered": sum(d.registered.value for d in board.domains.values()),
            "heard": board.memory_clients,
            "active": sum(row["active"] for row in rows.values()),
            "rate": short(sum(row["rate"] for row in rows.values())),
            "insights": sum(d.insights for d in board.domains.values()),
            "p50_ms": _quantile_ms(recent, 0.5),
            "p99_ms": _quantile_ms(recent, 0.99),
            "lag": sum(state.lag.values()),
            "marked": sum(len(d.marked) for d in board.domains.values()),
        },
        "domains": rows,
        "lag": {
            f"{group} · {topic}": behind
            for (group, topic), behind in sorted(state.lag.items())
            if behind
        },
        "workers": dict(sorted(state.workers.items())),
        "letters": dict(sorted(board.dead_letters.items())),
    }


def _row(board: Board, domain: DomainView, now_ms: int) -> Document:
    active = domain.clients_active(now_ms)
    detail = board.detail(domain.name)
    points = spread(domain.rounds.items(), 4 * SPARK_POINTS)
    losses = smoothed([line.mean_loss for _, line in points])
    spark = spread(losses, SPARK_POINTS)
    p50, p99 = quantiles_ms(domain)
    last = domain.evaluations.last
    return {
        "round": domain.version,
        "phase": detail.phase(active, now_ms),
        "active": active,
        "heard": domain.clients_heard,
        "loss": spark[-1] if spark else None,
        "loss_start": first_loss(domain),
        "spark": spark,
        "routed": short(last.routed) if last else None,
        "local": short(best_local(last)) if last else None,
        "gains": is_below_best_local(last) if last else None,
        "rate": short(domain.insight_rate.per_second(now_ms)),
        "p50_ms": p50,
        "p99_ms": p99,
        "privacy": domain.privacy,
        "marked": len(domain.marked),
        "waiting": domain.waiting,
    }


def _quantile_ms(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return short(ordered[max(0, ceil(share * len(ordered)) - 1)] * 1000)
