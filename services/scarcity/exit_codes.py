"""What the exit code of every command says: one table, for the code, `--help` and the docs."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """Exit codes of `scarcity …`."""

    DONE = 0
    FAILED = 1
    WRONG_INPUT = 2
    NOT_WHOLE = 3
    INTERRUPTED = 130


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.DONE: "done; of a comparison: equal; of `doctor`, `health`: well",
    ExitCode.FAILED: "a service or the broker could not go on, or a comparison found a difference "
    "(`topics drift`, `schemas --check`, `config table --check`, `audit verify`), or a part of "
    "what was asked could not be done (`doctor`, `health`, `dead-letters requeue`)",
    ExitCode.WRONG_INPUT: "an option, a file or a value of the environment is wrong; nothing was "
    "done",
    ExitCode.NOT_WHOLE: "nothing is wrong, but not all is there: `audit verify` cannot recompute "
    "every version any more, `broker status` finds no broker",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C; a service that is stopped by SIGTERM ends with 0",
}


def markdown_table() -> str:
    """The table of docs/exit-codes.md."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows]) + "\n"


def help_text() -> str:
    """The same for a terminal: one line a code."""
    short = {
        ExitCode.DONE: "done",
        ExitCode.FAILED: "could not go on, or a comparison found a difference",
        ExitCode.WRONG_INPUT: "an option, a file or a setting is wrong",
        ExitCode.NOT_WHOLE: "nothing is wrong, but not all is there",
        ExitCode.INTERRUPTED: "interrupted",
    }
    lines = [f"  {code.value:>3}  {short[code]}" for code in ExitCode]
    return "\n".join(["exit codes (docs/exit-codes.md):", *lines])
