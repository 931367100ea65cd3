"""`scarcity audit …`: recompute from the topics, or from a bundle, what the services say they did.

Exit codes of `verify`: 0 all equal; 1 something is wrong; 3 nothing is wrong, but not every version
can be recomputed any more.
"""

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scarcity.broker.commands import add_bootstrap_servers, settings_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scarcity.audit.log import AuditLog
    from scarcity.audit.rules import KnownRules

INCOMPLETE = 3
PIPE_COLUMNS = 200  # a file or a pipe has no width that a table must fit into


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit`."""
    parser = commands.add_parser("audit", help="recompute what was learned, from the topics alone")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verify = _add(verbs, "verify", run_verify, "check the ledger, and recompute every version")
    verify.add_argument("--domain", help="this domain only (the chain is always checked whole)")
    verify.add_argument("--from", dest="first", metavar="VERSION|TIME", help="first to look at")
    verify.add_argument("--to", dest="last", metavar="VERSION|TIME", help="last to look at")
    explain = _add(verbs, "explain", run_explain, "who contributed what to a version")
    explain.add_argument("version", metavar="DOMAIN@VERSION")
    replay = _add(verbs, "replay", run_replay, "memory and meta-parameters as they were")
    replay.add_argument("--as-of", required=True, metavar="TIME|DOMAIN@VERSION")
    replay.add_argument("--out", type=Path, metavar="FILE", help="write the state as JSON")
    other = _add(verbs, "counterfactual", run_counterfactual, "what would have been learned")
    other.add_argument("--without", metavar="CLIENT,…", help="clients whose insights do not count")
    other.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="YAML with `round:` (fields of a round policy) or `learning:` (learning settings)",
    )
    other.add_argument("--domain", help="this domain only")
    export = _add(verbs, "export", run_export, "write a bundle that is checked without a broker")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument(
        "--all-insights",
        action="store_true",
        help="also insights that no version used: `replay` of the memory needs them",
    )


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    handler: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
    parser.add_argument("--offline", type=Path, metavar="BUNDLE", help="read a bundle, no broker")
    parser.add_argument(
        "--settings",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="learning settings that versions were made under, when not the defaults (YAML)",
    )
    add_bootstrap_servers(parser)
    parser.set_defaults(handler=handler)
    return parser


def run_verify(args: argparse.Namespace) -> int:
    """Verify, print the report, and return the exit code."""
    from scarcity import __version__
    from scarcity.audit.screen import verify_text
    from scarcity.audit.selection import Selection, parse_bound
    from scarcity.audit.verification import verify

    selection = Selection(
        args.domain,
        parse_bound(args.first) if args.first else None,
        parse_bound(args.last) if args.last else None,
    )
    log, rules = _load(args)
    with _progress("versions") as on_step:
        report = verify(log, selection, rules, on_step)
    _print(verify_text(report, __version__))
    if not report.is_sound:
        return 1
    return 0 if report.is_complete else INCOMPLETE


def run_explain(args: argparse.Namespace) -> int:
    """Take a version apart and print it."""
    from scarcity.audit.explanation import explain
    from scarcity.audit.screen import explanation_text
    from scarcity.audit.selection import parse_version

    name = parse_version(args.version)
    log, rules = _load(args)
    with _progress("versions") as on_step:
        explanation = explain(log, name, rules, on_step)
    _print(explanation_text(explanation))
    return 0 if explanation.is_equal else 1


def run_replay(args: argparse.Namespace) -> int:
    """Go back, print the state, and write it when asked to."""
    import orjson

    from scarcity.audit.past import past_state, to_document
    from scarcity.audit.screen import past_text
    from scarcity.audit.selection import parse_as_of
    from scarcity.events.errors import InputError
    from scarcity.memory.settings import MemorySettings

    as_of = parse_as_of(args.as_of)
    memory_settings = MemorySettings.from_environment(os.environ)
    log, rules = _load(args)
    with _progress("versions") as on_step:
        past = past_state(log, as_of, rules, memory_settings, on_step)
    _print(past_text(past))
    if args.out is not None:
        try:
            args.out.write_bytes(orjson.dumps(to_document(past), option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise InputError(f"{args.out}: cannot be written: {error}") from None
    return 0


def run_counterfactual(args: argparse.Namespace) -> int:
    """Fold again, otherwise, and print both."""
    from scarcity.audit.counterfactual import Question, counterfactual
    from scarcity.audit.rules import read_policy
    from scarcity.audit.screen import outcome_text
    from scarcity.events.errors import InputError
    from scarcity.memory.settings import MemorySettings

    without = frozenset(filter(None, (args.without or "").split(",")))
    if not without and args.policy is None:
        raise InputError("say what would be different: --without CLIENT,… or --policy FILE")
    policy, settings = read_policy(args.policy) if args.policy else (None, None)
    memory_settings = MemorySettings.from_environment(os.environ)
    question = Question(without, policy, settings, args.domain, memory_settings)
    log, rules = _load(args)
    with _progress("versions") as on_step:
        outcomes = counterfactual(log, question, rules, on_step)
    _print(outcome_text(outcomes))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write a bundle."""
    from scarcity.audit.bundle import write_bundle

    log, rules = _load(args)
    manifest = write_bundle(
        args.file,
        log,
        rules.settings,
        exported_at_ms=int(time.time() * 1000),
        all_insights=args.all_insights,
    )
    records = sum(member.records for member in manifest.members.values())
    print(f"{args.file}: {records} records of {len(manifest.members)} topics")
    print(f"check it with `scarcity audit verify --offline {args.file}`")
    return 0


def _print(found: "RenderableType") -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    # Soft-wrapped: a hash that is cut by a line break cannot be searched or copied.
    console.print(found, highlight=False, soft_wrap=True)


def _load(args: argparse.Namespace) -> "tuple[AuditLog, KnownRules]":
    """The records, and the learning settings that are known here."""
    from scarcity.audit.bundle import read_bundle
    from scarcity.audit.log import read_log
    from scarcity.audit.rules import KnownRules, read_settings
    from scarcity.meta.settings import MetaSettings

    given = [
        MetaSettings.from_environment(os.environ).learning,
        *(read_settings(path) for path in args.settings),
    ]
    if args.offline is not None:
        log, manifest = read_bundle(args.offline)
        return log, KnownRules([*given, *manifest.settings])
    from rich.console import Console

    from scarcity.broker.kafka import KafkaBroker
    from scarcity.broker.logs import configure_logging

    kafka = settings_of(args)
    configure_logging()
    # Reading needs no producer: the broker's context is not entered.
    source = KafkaBroker(kafka)
    with Console(stderr=True).status("reads the topics") as status:
        reading = read_log(source, lambda topic: status.update(f"reads {topic}"))
        return asyncio.run(reading), KnownRules(given)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, gone when it is done; and no garbage collection meanwhile.

    An audit holds all its records and makes no cycles: the collector would walk over the records
    again and again (measured: a third of the time).
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    gc.disable()
    try:
        with bar as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
    finally:
        gc.enable()
