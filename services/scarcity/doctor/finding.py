"""What a check found, and how it is told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a check ended (a closed set)."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


MARKS = {
    Verdict.OK: "ok  ",
    Verdict.WARNING: "warn",
    Verdict.FAILED: "FAIL",
    Verdict.SKIPPED: "-   ",
}


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        check: its name, e.g. `disk`.
        found: what was seen, with units.
        advice: what to do; empty when there is nothing to do.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def as_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings for a person; advice on a line of its own.

    >>> print(*as_lines([Finding("disk", Verdict.FAILED, "0.1 GiB free", "make room")]), sep="\\n")
    FAIL disk      0.1 GiB free
                   → make room
    """
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.verdict]} {finding.check:<9} {finding.found}")
        if finding.advice:
            lines.append(f"{'':<14} → {finding.advice}")
    return lines


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings for a program."""
    return [asdict(finding) for finding in findings]


def exit_code(findings: Sequence[Finding]) -> int:
    """1 when a check failed, else 0; a warning stops nothing."""
    return int(any(finding.verdict is Verdict.FAILED for finding in findings))
