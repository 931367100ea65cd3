"""One domain: its losses, its experts, what transfer gave, privacy, staleness."""

from math import isfinite
from typing import Any

from scarcity.client.budget import Budget
from scarcity.dashboard.board import Board, staleness
from scarcity.dashboard.domain_detail import DomainDetail
from scarcity.dashboard.pages.common import (
    Document,
    Question,
    State,
    first_loss,
    quantiles_ms,
    short,
    shorts,
    smoothed,
    spread,
    status,
)
from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.length_scales import LENGTH_SCALES
from scarcity.monitor.domain_view import DomainView, best_local

SPENT_BINS = 10


def domain_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of a domain; ``known`` is false when no topic tells of it."""
    name = question.get("domain")
    domain = board.domains.get(name)
    page: Document = {"status": status(board, state, now_ms), "name": name, "known": False}
    if domain is None:
        return page
    detail = board.detail(name)
    active = domain.clients_active(now_ms)
    p50, p99 = quantiles_ms(domain)
    last = domain.rounds.last
    return page | {
        "known": True,
        "phase": detail.phase(active, now_ms),
        "facts": {
            "round": domain.version,
            "reverted": domain.reverted_rounds,
            "repairs": domain.repairs,
            "marked": len(domain.marked),
            "active": active,
            "heard": domain.clients_heard,
            "registered": domain.registered.value,
            "insights": domain.insights,
            "without_slopes": domain.without_slopes,
            "rate": short(domain.insight_rate.per_second(now_ms)),
            "p50_ms": p50,
            "p99_ms": p99,
            "step_scale": short(last.step_scale) if last else None,
            "waiting": domain.waiting,
        },
        "profile": _profile(detail),
        "phases": {k: short(v) for k, v in last.phases_s.items()} if last else {},
        "loss": _loss(domain, detail),
        "evaluations": _evaluations(domain),
        "experts": _experts(domain, detail),
        "transfer": _transfer(domain, detail),
        "privacy": _privacy(board, domain, detail),
        "staleness": staleness(board, name),
    }


def _profile(detail: DomainDetail) -> Document | None:
    profile = detail.profile
    if profile is None:
        return None
    policy = profile.policy
    return {
        "family": profile.family,
        "privacy": profile.privacy,
        "columns": len(profile.features),
        "mode": policy.mode,
        "min_clients": policy.min_clients,
        "quorum": policy.quorum,
        "buffer": policy.buffer,
        "deadline_s": policy.deadline_s,
    }


def _loss(domain: DomainView, detail: DomainDetail) -> Document:
    rounds = domain.rounds.items()
    told = [line.mean_loss for _, line in rounds]
    return {
        "x": spread([version for version, _ in rounds]),
        "mean": spread(shorts(told)),
        "smooth": spread(smoothed(told)),
        "reverted": list(detail.reverted),
        "repairs": list(detail.repairs),
        "start": first_loss(domain),
        "clients": spread([line.clients for _, line in rounds]),
    }


def _evaluations(domain: DomainView) -> Document:
    items = spread(domain.evaluations.items())
    last = domain.evaluations.last
    return {
        "x": [version for version, _ in items],
        "routed": shorts(one.routed for _, one in items),
        "uniform": shorts(one.uniform for _, one in items),
        "ridge": shorts(one.own_ridge for _, one in items),
        "mean": shorts(one.own_mean for _, one in items),
        "clients": last.clients if last else 0,
        "gain": _gain(last.routed, best_local(last)) if last else None,
    }


def _experts(domain: DomainView, detail: DomainDetail) -> Document:
    rounds = domain.rounds.items()
    figures = spread(detail.experts.items())
    judged = [
        (v, one.routing)
        for v, one in spread(domain.evaluations.items())
        if len(one.routing) == EXPERT_COUNT
    ]
    experts = []
    for number, scale in enumerate(LENGTH_SCALES):
        told = [_at(line.expert_losses, number) for _, line in rounds]
        weights = (
            shorts(one[number] for _, one in judged)
            if judged
            else shorts(_at(one[1], number) for _, one in figures)
        )
        experts.append(
            {
                "scale": scale if isfinite(scale) else None,
                "loss": spread(smoothed(told)),
                "weight": weights,
                "rate": shorts(_at(one[2], number) for _, one in figures),
            }
        )
    return {
        "x": spread([version for version, _ in rounds]),
        "weight_x": [version for version, _ in judged or figures],
        "rate_x": [version for version, _ in figures],
        # Of clients that never took part where someone judges them, else of the domain's losses.
        "judged": bool(judged),
        "experts": experts,
    }


def _at(values: list[Any], number: int) -> float | None:
    return values[number] if number < len(values) else None


def _transfer(domain: DomainView, detail: DomainDetail) -> Document:
    chosen = next((line.start for _, line in domain.rounds.items() if line.start), "")
    starts = detail.starts()
    default, best = starts.get("default"), starts.get(chosen)
    told, now = _mean(detail.start_losses), _mean(detail.now_losses)
    return {
        "chosen": chosen,
        "starts": {name: [short(loss), many] for name, (loss, many) in starts.items()},
        "gain": _gain(best[0], default[0]) if best and default else None,
        "start_loss": short(told),
        "now_loss": short(now),
        "learned": _gain(now, told) if now is not None and told is not None else None,
    }


def _mean(values: list[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None


def _gain(now: float, before: float) -> float | None:
    """Relative change: -.3 is 30 % less."""
    return short(now / before - 1) if before > 0 else None


def _privacy(board: Board, domain: DomainView, detail: DomainDetail) -> Document:
    """What was spent: epsilon of the domain, or of each client the share of its budget."""
    page: Document = {
        "mode": domain.privacy,
        "silent": domain.clients_limited("all"),
        "losses_only": domain.clients_limited("slopes"),
        "epsilon": None,
        "epsilon_limit": None,
        "delta": None,
        "spent": [],
    }
    if domain.dp is not None:
        page |= {
            "epsilon": short(domain.dp.epsilon),
            "epsilon_limit": domain.dp.rules.epsilon_limit,
            "delta": domain.dp.delta,
        }
    if domain.privacy == "budget" and detail.profile is not None:
        columns = len(detail.profile.features)
        bins = [0] * SPENT_BINS
        for client in board.clients.of_domain(domain.name):
            if not client.registered:
                continue
            limit = Budget.of(rows=client.rows, columns=columns, mode="budget").limit or 1
            share = client.leased_scalars / max(1, limit)
            bins[min(SPENT_BINS - 1, int(share * SPENT_BINS))] += 1
        page["spent"] = bins
    return page
