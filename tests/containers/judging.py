"""What a run in containers must leave."""

from chaos.checks import Check
from chaos.compose_run import ComposeOutcome

STOP_S = 10.0


def tell_and_judge(outcome: ComposeOutcome) -> None:
    """Print what was measured; everything compared must be equal, and every stop clean."""
    lines = [line for check in outcome.checks for line in check.lines()]
    lines += [f"{name}: {value:.1f}" for name, value in outcome.figures.items()]
    lines += [f"stop of {n}: {s:.1f} s, exit code {c}" for n, (s, c) in outcome.stops.items()]
    print("", *lines, sep="\n")
    assert [check.name for check in outcome.checks if check.wrong or not nonempty(check)] == []
    assert {n: c for n, (_, c) in outcome.stops.items() if c} == {}


def nonempty(check: Check) -> bool:
    """Whether anything was compared: clean clients leave no dead letters."""
    return check.compared > 0 or check.name.startswith("dead letters")
