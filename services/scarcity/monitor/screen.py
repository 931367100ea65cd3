"""A SystemView for people: a live picture for a terminal, a line for a log, a closing table."""

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scarcity.monitor.domain_view import DomainView, best_local, is_below_best_local
from scarcity.monitor.view import SystemView

MOST_NAMED = 3  # clients of a domain
PRIVACY_TEXT = {
    "open": "open (public data: nothing is hidden from the server but the rows)",
    "budget": "budget (each client bounds what it publishes)",
    "dp": "dp (noise with an accountant)",
    "secagg": "secagg (the server sees sums only)",
}
# Three short lines each, so that the picture fits a terminal of 80 columns.
HEADINGS = (
    "round",
    "clients\nheard/\nactive",
    "in-\nsights\n/s",
    "params\nin ms\np50/p99",
    "stale",
    "gossip\nexch./\nevict.",
    "new\nclients\nadapt",
    "own\nbest\nridge",
    "own\nmean",
)


def live_view(view: SystemView, now_ms: int, *, goal: int = 0, status: str = "") -> RenderableType:
    """The live picture.

    Args:
        goal: rounds a domain is to reach; 0: endless.
        status: a line of the caller's, e.g. what it waits for.
    """
    table = Table(
        title="scarcity",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("domain")
    for heading in HEADINGS:
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for _, domain in sorted(view.domains.items()):
        table.add_row(*_row(domain, now_ms, goal))
    lines: list[RenderableType] = [table, Text(_system_line(view)), Text(_privacy_line(view))]
    if marked := marked_text(view):
        lines.append(Text(marked, style="yellow"))
    lines += [Text(line, style="dim") for line in (_waiting_line(view), status) if line]
    return Group(*lines)


def log_line(view: SystemView, now_ms: int, *, goal: int = 0) -> str:
    """The same in one line, for where there is no terminal."""
    parts = [_domain_line(d, now_ms, goal) for _, d in sorted(view.domains.items())]
    modes = ",".join(view.privacy_modes) or "?"
    return " | ".join(
        [
            *(parts or ["no domain yet"]),
            f"parked {_parked(view)}",
            " · ".join([f"privacy {modes}", *_spent(view)]),
            *filter(None, [marked_text(view)]),
        ]
    )


def closing_table(view: SystemView) -> RenderableType:
    """New clients' error beside what they have without meta-parameters, and the verdict."""
    table = Table(
        title="New clients: mean squared error, target standardised (lower is better)",
        title_justify="left",
    )
    table.add_column("domain")
    headings = ("round", "adapted,\nrouted", "adapted,\nuniform", "own tuned\nridge", "own\nmean")
    for heading in headings:
        table.add_column(heading, justify="right")
    table.add_column("below own best local")
    for name, domain in sorted(view.domains.items()):
        last = domain.evaluations.last
        if last is None:
            table.add_row(name, str(max(0, domain.version)), "–", "–", "–", "–", "not evaluated")
            continue
        figures = (last.routed, last.uniform, last.own_ridge, last.own_mean)
        table.add_row(
            name, str(last.version), *(error_text(f) for f in figures), verdict_text(domain)
        )  # fmt: skip
    return table


def verdict_text(domain: DomainView) -> str:
    """Whether new clients gain: `yes (-34 %)`, `no (+2 %)`, or why it cannot be said."""
    last = domain.evaluations.last
    if last is None:
        return "not evaluated"
    word = "yes" if is_below_best_local(last) else "no"
    local = best_local(last)
    return f"{word} ({(last.routed / local - 1) * 100:+.0f} %)" if local > 0 else word


def error_text(error: float | None) -> str:
    """An error with three digits.

    >>> [error_text(e) for e in (0.01031, 0.0664, 0.927, 1.5)]
    ['.0103', '.0664', '.927', '1.50']
    """
    if error is None:
        return "–"
    if error >= 1:
        return f"{error:.2f}" if error < 1000 else f"{error:.3g}"
    text = f"{error:.4f}" if error < 0.1 else f"{error:.3f}"
    return text.removeprefix("0")


def seconds_text(seconds: float | None) -> str:
    """A duration.

    >>> [seconds_text(s) for s in (0.0042, 1.25, None)]
    ['4 ms', '1.2 s', '–']
    """
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _row(domain: DomainView, now_ms: int, goal: int) -> list[str | Text]:
    last = domain.evaluations.last
    latest = domain.rounds.last
    adapted: str | Text = "–"
    if last is not None:
        better = is_below_best_local(last)
        adapted = Text(error_text(last.routed), style="bold green" if better else "yellow")
    return [
        domain.name,
        _round(domain, goal),
        f"{domain.clients_heard}/{domain.clients_active(now_ms)}",
        f"{domain.insight_rate.per_second(now_ms):.0f}",
        _latency(domain),
        f"{latest.mean_staleness_versions:.1f}" if latest else "–",
        f"{domain.exchanges.value}/{domain.evictions.value}",
        adapted,
        error_text(last.own_ridge if last else None),
        error_text(last.own_mean if last else None),
    ]


def _round(domain: DomainView, goal: int) -> str:
    done = str(domain.version) if domain.version >= 0 else "–"
    return f"{done}/{goal}" if goal else done


def _latency(domain: DomainView) -> str:
    quantiles = (domain.latencies.quantile(share) for share in (0.5, 0.99))
    return "/".join("–" if q is None else f"{q * 1000:.0f}" for q in quantiles)


def _domain_line(domain: DomainView, now_ms: int, goal: int) -> str:
    last = domain.evaluations.last
    errors = (
        f"new {error_text(last.routed)} ridge {error_text(last.own_ridge)} "
        f"mean {error_text(last.own_mean)}"
        if last
        else "not evaluated yet"
    )
    return (
        f"{domain.name} round {_round(domain, goal)} "
        f"clients {domain.clients_active(now_ms)}/{domain.clients_heard} "
        f"{domain.insight_rate.per_second(now_ms):.0f} insights/s "
        f"params in {seconds_text(domain.latencies.quantile(0.5))} {errors}"
    )


def _parked(view: SystemView) -> str:
    if not view.dead_letters:
        return "0"
    by_reason = ", ".join(f"{n} {reason}" for reason, n in sorted(view.dead_letters.items()))
    return f"{sum(view.dead_letters.values())} ({by_reason})"


def _system_line(view: SystemView) -> str:
    duplicates = sum(d.duplicates.value for d in view.domains.values())
    bound = f" (at most {view.memory_limit} a domain)" if view.memory_limit else ""
    return (
        f"dead letters {_parked(view)} · duplicates {duplicates} · "
        f"memory {view.memory_clients} insights{bound}"
    )


def _waiting_line(view: SystemView) -> str:
    waiting = [f"{n}: {d.waiting}" for n, d in sorted(view.domains.items()) if d.waiting]
    return f"gossip waits: {'; '.join(waiting)}" if waiting else ""


def marked_text(view: SystemView) -> str:
    """Clients that count no more, by domain; empty when there are none."""
    parts = []
    for name, domain in sorted(view.domains.items()):
        if domain.marked:
            first = [
                f"{client} ({by})" for client, by in sorted(domain.marked.items())[:MOST_NAMED]
            ]
            more = len(domain.marked) - len(first)
            parts.append(f"{name}: {', '.join(first)}" + (f" and {more} more" if more else ""))
    return f"count no more: {'; '.join(parts)}" if parts else ""


def _privacy_line(view: SystemView) -> str:
    modes = [PRIVACY_TEXT.get(mode, mode) for mode in view.privacy_modes]
    return " · ".join([f"privacy mode: {'; '.join(modes) or 'no domain yet'}", *_spent(view)])


def _spent(view: SystemView) -> list[str]:
    return [text for _, d in sorted(view.domains.items()) if (text := spent_text(d))]


def spent_text(domain: DomainView) -> str:
    """What a domain has spent of its privacy; empty when there is nothing to tell."""
    parts = []
    if domain.dp is not None:
        spent, limit = domain.dp.epsilon, domain.dp.rules.epsilon_limit
        parts.append(f"epsilon {spent:.3g} of {limit:g} at delta {domain.dp.delta:g}")
    if domain.without_slopes:
        parts.append(f"{domain.without_slopes} insights of losses alone")
    for what, told in (("slopes", "without budget for slopes"), ("all", "silent at their limit")):
        if many := domain.clients_limited(what):
            parts.append(f"{many} client{'' if many == 1 else 's'} {told}")
    return f"{domain.name}: {', '.join(parts)}" if parts else ""
