"""The report of a run or of any stretch of time: one HTML file that opens offline."""

from collections.abc import Sequence
from html import escape

from scarcity.events.types import EXPERT_COUNT
from scarcity.monitor.domain_view import DomainView, is_below_best_local
from scarcity.monitor.screen import error_text, seconds_text, verdict_text
from scarcity.monitor.view import SystemView
from scarcity.reports.charts import Series, graph_chart, legend, line_chart, stacked_chart
from scarcity.reports.style import SCRIPT, STYLE

MAX_WAITING_DRAWN = 40
SMOOTHING = 0.9


# Compaction keeps the newest record of a key: what it said in the past is gone.
PARTIAL_NOTE = (
    "This page shows a part of the log. Rounds, losses, errors, insights and dead letters are of "
    "this time alone. Clients, gossip and times to parameters lie in compacted topics, which keep "
    "what is newest of each: of the past they show what is left."
)


def render_report(
    view: SystemView,
    *,
    stretch: str,
    written: str,
    length_scales: Sequence[float] = (),
    is_partial: bool = False,
) -> str:
    """The page.

    Args:
        stretch: which time it shows, as a person reads it: `171 s`, or from when to when.
        written: when, as a person reads it.
        length_scales: of the experts, for their names; empty: by number.
        is_partial: ``view`` holds a stretch of the log, not all of it.
    """
    names = _expert_names(length_scales)
    domains = [domain for _, domain in sorted(view.domains.items())]
    body = "".join(_domain(domain, names) for domain in domains)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>scarcity: {len(domains)} domains learned together</title>"
        f"<style>{STYLE}</style></head><body><main>"
        f"{_head(view, domains, f'{written} · {stretch}', is_partial)}{_table(domains)}{body}"
        f"{_foot(view)}</main><script>{SCRIPT}</script></body></html>\n"
    )


def _expert_names(length_scales: Sequence[float]) -> list[str]:
    if len(length_scales) != EXPERT_COUNT:
        return [f"expert {i}" for i in range(EXPERT_COUNT)]
    return [
        f"ℓ = {scale:g}" if scale != float("inf") else "linear (ℓ = ∞)" for scale in length_scales
    ]


def _head(view: SystemView, domains: Sequence[DomainView], when: str, is_partial: bool) -> str:
    # Accepted insights are running totals of the memory: of a part of the log they say nothing.
    insights = (
        f"{sum(d.insights for d in domains)} insights published"
        if is_partial
        else f"{sum(d.accepted.value for d in domains)} insights accepted"
    )
    rounds = sum(map(rounds_of, domains))
    modes = ", ".join(view.privacy_modes) or "?"
    open_note = " (the data are public)" if view.privacy_modes == ["open"] else ""
    note = f'<p class="soft">{PARTIAL_NOTE}</p>' if is_partial else ""
    return (
        f"<h1>{len(domains)} domains learned from each other’s losses</h1>"
        f'<p class="soft">{escape(when)} · {rounds} rounds · '
        f"{insights} · privacy mode: {escape(modes)}{open_note}</p>{note}"
        "<p>New clients are entities that never took part. They adapt today’s meta-parameters to a "
        "few rows of their own; their own ridge is tuned on the same rows without meta-parameters, "
        "and their own mean predicts the mean of those rows. All errors are mean squared errors on "
        "rows that were not used, with the target standardised: lower is better.</p>"
    )


def rounds_of(domain: DomainView) -> int:
    """Rounds that the view has seen finish; version 0 is a start, not a round."""
    seen = domain.rounds.items()
    if not seen:
        return max(0, domain.version)
    return seen[-1][0] - max(0, seen[0][0] - 1)


def _table(domains: Sequence[DomainView]) -> str:
    rows = []
    for domain in domains:
        last = domain.evaluations.last
        if last is None:
            rows.append(f"<tr><td>{escape(domain.name)}<td colspan=7>not evaluated</tr>")
            continue
        style = "yes" if is_below_best_local(last) else "no"
        cells = "".join(
            f"<td>{text}"
            for text in (
                last.version, last.clients, f"<b>{error_text(last.routed)}</b>",
                error_text(last.uniform), error_text(last.own_ridge), error_text(last.own_mean),
            )
        )  # fmt: skip
        verdict = f'<td class="{style}">{escape(verdict_text(domain))}'
        rows.append(f"<tr><td>{escape(domain.name)}{cells}{verdict}</tr>")
    return (
        '<div class="wide"><table><thead><tr><th>domain<th>round<th>new clients<th>adapted, routed'
        "<th>adapted, uniform<th>own tuned ridge<th>own mean<th>below own best local</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _domain(domain: DomainView, names: Sequence[str]) -> str:
    p50, p99 = domain.latencies.quantile(0.5), domain.latencies.quantile(0.99)
    figures = [
        _errors(domain),
        _losses(domain, names),
        _routing(domain, names),
        _gossip(domain),
        _figure(
            "Time from a round’s newest insight to its parameters",
            line_chart(
                [Series("ms", "latency", _points_ms(domain))], x_label="round", y_label="ms"
            ),
            f"median {seconds_text(p50)}, 99 % within {seconds_text(p99)} (newest 512 rounds)",
        ),
    ]
    facts = (
        f"{domain.clients_heard} clients heard · {rounds_of(domain)} rounds, "
        f"{domain.reverted_rounds} taken back by the gate · {domain.duplicates.value} duplicates"
    )
    return (
        f"<h2>{escape(domain.name)}</h2><p class=soft>{facts}</p>"
        f'<div class="charts">{"".join(figures)}</div>'
    )


def _errors(domain: DomainView) -> str:
    items = domain.evaluations.items()
    series = [
        Series("adapted, routed", "routed", [(v, e.routed) for v, e in items]),
        Series("adapted, uniform", "uniform", [(v, e.uniform) for v, e in items]),
        Series("own tuned ridge", "ridge", [(v, e.own_ridge) for v, e in items]),
        Series("own mean", "mean", [(v, e.own_mean) for v, e in items]),
    ]
    chart = line_chart(series, x_label="round", y_label="error of new clients")
    return _figure("Error of new clients over rounds", chart + legend(series))


def _losses(domain: DomainView, names: Sequence[str]) -> str:
    items = domain.rounds.items()
    series = []
    for i, name in enumerate(names):
        points = [
            (float(version), loss)
            for version, line in items
            if i < len(line.expert_losses) and (loss := line.expert_losses[i]) is not None
        ]
        series.append(Series(name, f"x{i}", smoothed(points)))
    chart = line_chart(series, x_label="round", y_label="mean query loss")
    title = "Loss of each expert, mean over the clients of some ten rounds"
    return _figure(title, chart + legend(series))


def smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Exponentially weighted mean: each round has other clients, whose losses differ.

    The weights of what was seen are made to sum to one, so that the start is not pulled to zero.

    >>> smoothed([(1, 2.0), (2, 2.0)])
    [(1, 2.0), (2, 2.0)]
    """
    result, total, weight = [], 0.0, 0.0
    for x, y in points:
        total = SMOOTHING * total + (1 - SMOOTHING) * y
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        result.append((x, total / weight))
    return result


def _routing(domain: DomainView, names: Sequence[str]) -> str:
    items = [(v, e) for v, e in domain.evaluations.items() if len(e.routing) == EXPERT_COUNT]
    series = [
        Series(name, f"x{i}", [(v, e.routing[i]) for v, e in items]) for i, name in enumerate(names)
    ]
    chart = stacked_chart(series, x_label="round", y_label="share")
    return _figure("Routing weights of new clients over the experts", chart + legend(series))


def _gossip(domain: DomainView) -> str:
    newest = [p for p in domain.plans.values() if p.cycle == domain.gossip_cycle]
    members: dict[int, list[str]] = {}
    pairs: dict[int, set[tuple[str, str]]] = {}
    for plan in newest:
        if plan.status == "exchange":
            members.setdefault(plan.group, []).append(plan.client_id)
            pairs.setdefault(plan.group, set()).update(
                (min(plan.client_id, peer), max(plan.client_id, peer)) for peer in plan.peers
            )
    waiting = sorted(p.client_id for p in newest if p.status == "waiting")[:MAX_WAITING_DRAWN]
    groups = [(sorted(members[g]), sorted(pairs[g])) for g in sorted(members)]
    caption = (
        f"cycle {domain.gossip_cycle}: {len(groups)} groups, {len(waiting)} waiting; "
        f"{domain.exchanges.value} exchanges and {domain.evictions.value} evictions in all"
    )
    return _figure("Who trades priors with whom", graph_chart(groups, waiting), caption)


def _points_ms(domain: DomainView) -> list[tuple[float, float]]:
    return [(version, seconds * 1000) for version, seconds in domain.latency_series.items()]


def _figure(title: str, content: str, caption: str = "") -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{title}</h3>{content}{below}</figure>"


def _foot(view: SystemView) -> str:
    parked = sum(view.dead_letters.values())
    return (
        f'<p class="soft">{parked} records parked in dead-letters · '
        f"{view.memory_clients} insights in the global memory</p>"
    )
