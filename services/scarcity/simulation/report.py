"""A simulation's result as one HTML file that opens offline: tables and charts as inline SVG."""

from collections.abc import Sequence
from html import escape

from scarcity.reports.charts import Series, legend, line_chart
from scarcity.reports.style import SCRIPT, STYLE
from scarcity.simulation.result import DomainLine, SimulationResult

HEADINGS = (
    "domain",
    "privacy",
    "clients",
    "attackers",
    "version",
    "accepted",
    "dropped",
    "lost",
    "duplicates",
    "routed",
    "uniform",
    "own ridge",
    "own mean",
)


def render_report(result: SimulationResult) -> str:
    """The page."""
    charts = "".join(_domain(result, line) for line in result.domains)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(result.name)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(result.name)}</h1>"
        f'<p class="soft">seed {result.seed} · {result.virtual_s:.0f} virtual seconds · '
        f"{result.client_rounds} client-rounds · ledger of {len(result.ledger)} entries, SHA-256 "
        f"{result.ledger_hash}</p><p>Errors are mean squared errors of clients that never took "
        "part, after adapting to a few own rows, on rows that were not used; the target is "
        "standardised.</p>"
        f"{_table(result)}{charts}</main><script>{SCRIPT}</script></body></html>\n"
    )


def _table(result: SimulationResult) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in HEADINGS)
    rows = "".join(f"<tr>{_cells(result, line)}</tr>" for line in result.domains)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(result: SimulationResult, line: DomainLine) -> str:
    told = result.last_evaluation(line.domain)
    errors: tuple[str, ...] = ("-",) * 4
    if told is not None:
        errors = tuple(
            f"{e:.4g}" for e in (told.routed, told.uniform, told.own_ridge, told.own_mean)
        )
    numbers = (
        line.clients,
        line.attackers,
        line.version,
        line.accepted,
        line.dropped,
        line.lost,
        line.ignored_duplicates,
    )
    cells: Sequence[object] = (line.domain, line.privacy, *numbers, *errors)
    return "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)


def _domain(result: SimulationResult, line: DomainLine) -> str:
    told = [e for e in result.evaluations if e.domain == line.domain]
    rounds = [r for r in result.rounds if r.domain == line.domain]
    errors = [
        Series("routed", "routed", [(e.version, e.routed) for e in told]),
        Series("uniform ensemble", "uniform", [(e.version, e.uniform) for e in told]),
        Series("own tuned ridge", "ridge", [(e.version, e.own_ridge) for e in told]),
        Series("own mean", "mean", [(e.version, e.own_mean) for e in told]),
    ]
    losses = [
        Series(
            "mean loss of the round's clients",
            "routed",
            [(r.version, r.mean_loss) for r in rounds if r.mean_loss is not None],
        )
    ]
    stale = [Series("versions", "routed", [(r.version, r.mean_staleness_versions) for r in rounds])]
    steps = [Series("scale of the steps", "routed", [(r.version, r.step_scale) for r in rounds])]
    taken_back = sum(r.reverted for r in rounds)
    return (
        f"<h2>{escape(line.domain)}</h2>"
        f"<p>{line.clients} clients, {line.attackers} of them attackers; {taken_back} steps were "
        f"taken back; {line.exhausted} clients ran out of budget for slopes, "
        f"{line.silenced} for losses. {escape(line.waits)}</p>"
        '<div class="charts">'
        + _figure("Error of new clients", errors, "mean squared error")
        + _figure("Loss in training", losses, "mean squared error")
        + _figure("Staleness of the insights used", stale, "versions")
        + _figure("Step scale of the gate", steps, "share of a full step")
        + "</div>"
    )


def _figure(title: str, series: Sequence[Series], y_label: str) -> str:
    chart = line_chart(series, x_label="version", y_label=y_label)
    return f"<figure><h3>{escape(title)}</h3>{chart}{legend(series)}</figure>"
