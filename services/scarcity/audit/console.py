"""Where an audit command reads from, and what it prints to."""

import argparse
import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from scarcity.broker.commands import settings_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scarcity.audit.log import AuditLog
    from scarcity.audit.rules import KnownRules
    from scarcity.learning.online_maml import LearningSettings

PIPE_COLUMNS: Final = 200  # a file or a pipe has no width that a table must fit into


def show(found: "RenderableType") -> None:
    """Print what was found."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    # Soft-wrapped: a hash that is cut by a line break cannot be searched or copied.
    console.print(found, highlight=False, soft_wrap=True)


def load(args: argparse.Namespace) -> "tuple[AuditLog, KnownRules]":
    """The records, and the learning settings that are known here."""
    from scarcity.audit.bundle import read_bundle
    from scarcity.audit.log import read_log
    from scarcity.audit.rules import KnownRules

    given = known_settings(args)
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


def known_settings(args: argparse.Namespace) -> "list[LearningSettings]":
    """Learning settings of the environment and of the files that were given."""
    from scarcity.audit.rules import read_settings
    from scarcity.meta.settings import read_learning

    return [read_learning(os.environ), *(read_settings(path) for path in args.settings)]


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
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
