"""A simulation in a terminal: progress, then tables, and how fast it went on this machine."""

import resource
import sys
from pathlib import Path
from time import perf_counter, process_time

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from scarcity.simulation.report import render_report
from scarcity.simulation.result import SimulationResult
from scarcity.simulation.runner import run
from scarcity.simulation.scenario import Scenario


def run_on_screen(
    scenario: Scenario, out: Path | None, console: Console | None = None
) -> SimulationResult:
    """Run a scenario and print what it found.

    Args:
        out: an existing directory for result.jsonl, ledger.jsonl and report.html.
    """
    console = console or Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("versions"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    wall_s, cpu_s = perf_counter(), process_time()
    with Progress(*columns, console=console, refresh_per_second=4) as bar:
        task = bar.add_task(scenario.name, total=None)
        result = run(scenario, lambda made, total: bar.update(task, completed=made, total=total))
    wall_s, cpu_s = perf_counter() - wall_s, process_time() - cpu_s
    console.print(domains_table(result))
    console.print(errors_table(result))
    for reason, many in sorted(result.dead_letters.items()):
        console.print(f"{many} insights were parked: {reason}")
    for line in result.domains:
        if line.waits:
            console.print(f"{line.domain} {line.waits}")
    modes = ", ".join(sorted({line.privacy for line in result.domains}))
    console.print(f"privacy mode: {modes}")
    for line in result.domains:
        spent = [r.epsilon for r in result.rounds if r.domain == line.domain and r.epsilon]
        if spent:
            console.print(f"{line.domain}: epsilon {max(spent):.4g} spent")
    console.print(
        f"{result.client_rounds} client-rounds, {result.virtual_s:.0f} virtual seconds; "
        f"{wall_s:.1f} s here ({result.client_rounds / wall_s:.0f} client-rounds/s; "
        f"{result.client_rounds / cpu_s:.0f} per second of CPU), {peak_mib():.0f} MiB at most"
    )
    console.print(f"ledger: {len(result.ledger)} entries, SHA-256 {result.ledger_hash}")
    if out is not None:
        write(result, out)
        console.print(f"written: {', '.join(str(out / name) for name in FILES)}")
    return result


FILES = ("result.jsonl", "ledger.jsonl", "report.html")


def write(result: SimulationResult, out: Path) -> None:
    """Write a result's files into a directory."""
    (out / "result.jsonl").write_bytes(result.json_lines())
    (out / "ledger.jsonl").write_bytes(b"".join(value + b"\n" for value in result.ledger))
    (out / "report.html").write_text(render_report(result), "utf-8")


def domains_table(result: SimulationResult) -> Table:
    """What each domain's clients did.

    `twice`: duplicates; `spent`: budgets too low for slopes; `silent`: even for losses.
    """
    names = [
        "clients",
        "hostile",
        "version",
        "accepted",
        "dropped",
        "lost",
        "twice",
        "spent",
        "silent",
    ]
    table = _table(f"{result.name}, seed {result.seed}", "domain", *names, "spent", "silent")
    for line in result.domains:
        numbers = (
            line.clients,
            line.attackers,
            line.version,
            line.accepted,
            line.dropped,
            line.lost,
            line.ignored_duplicates,
            line.exhausted,
            line.silenced,
        )
        table.add_row(line.domain, *map(str, numbers))
    return table


def errors_table(result: SimulationResult) -> Table:
    """Errors of clients that never took part, at the last evaluation."""
    names = ("new clients", "routed", "uniform", "own ridge", "own mean")
    table = _table("Mean squared error of new clients", "domain", *names, "spent", "silent")
    for line in result.domains:
        told = result.last_evaluation(line.domain)
        if told is not None:
            errors = (told.routed, told.uniform, told.own_ridge, told.own_mean)
            cells = [f"{error:.4g}" for error in errors]
            table.add_row(line.domain, str(line.new_clients), *cells)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def peak_mib() -> float:
    """Most memory this process has held; MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
