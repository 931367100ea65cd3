"""`scarcity report`: any stretch of time as one HTML page, and as Parquet files when asked."""

import argparse
import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.broker.time_options import TimeRange, add_time_range, time_range_of
from scarcity.events.errors import EventError, InputError
from scarcity.events.types import Record

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings
    from scarcity.reports.parquet import ParquetDirectory


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `report`."""
    parser = commands.add_parser(
        "report",
        help="an HTML page of any stretch of time, from the topics alone",
        description="Reads the topics, writes one HTML file that opens offline, and ends.",
    )
    add_time_range(parser, "what happened")
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), metavar="FILE", help="(report.html)"
    )
    parser.add_argument(
        "--parquet", type=Path, metavar="DIR", help="write insights, rounds, … as Parquet files too"
    )
    add_bootstrap_servers(parser)
    parser.set_defaults(handler=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Read, and write the page and the tables."""
    from scarcity.broker.clock import now_ms
    from scarcity.learning.length_scales import LENGTH_SCALES
    from scarcity.monitor.view import SystemView
    from scarcity.reports.page import render_report
    from scarcity.reports.stretch import stretch_text

    times = time_range_of(args, now_ms())
    settings = settings_of(args)
    view = SystemView()
    with ExitStack() as stack:
        takers: list[Callable[[Iterable[Record]], None]] = [view.fold]
        directory = None
        if args.parquet is not None:
            from scarcity.reports.parquet import ParquetDirectory

            directory = stack.enter_context(ParquetDirectory(args.parquet))
            takers.append(rows_into(directory))
        asyncio.run(_read(settings, times, takers))
    page = render_report(
        view,
        stretch=stretch_text(times),
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        length_scales=LENGTH_SCALES,
        is_partial=times != TimeRange(),
    )
    try:
        args.out.write_text(page, "utf-8")
    except OSError as error:
        raise InputError(f"--out {args.out}: cannot be written: {error.strerror}") from None
    print(f"{args.out}: {stretch_text(times)}; {len(view.domains)} domains")
    if directory is not None:
        told = ", ".join(f"{name} {count}" for name, count in directory.rows.items())
        print(f"{args.parquet}: rows: {told}")
    return 0


def rows_into(directory: "ParquetDirectory") -> Callable[[Iterable[Record]], None]:
    """What appends records to the tables; one that does not decode is in no table."""
    from scarcity.reports.rows import row_of

    def take(records: Iterable[Record]) -> None:
        for record in records:
            try:
                row = row_of(record)
            except EventError:
                continue  # it is among the dead letters, or the view counts it
            if row is not None:
                directory.add(*row)

    return take


async def _read(
    settings: "KafkaSettings",
    times: TimeRange,
    takers: "list[Callable[[Iterable[Record]], None]]",
) -> None:
    from scarcity.broker.following import follow
    from scarcity.broker.times import offsets_at
    from scarcity.monitor.watching import WATCHED_TOPICS
    from scarcity.reports.stretch import FACT_TOPICS, within

    start = None
    if times.since_ms is not None:
        start = await offsets_at(settings, FACT_TOPICS, times.since_ms)
    async with aclosing(follow(settings, WATCHED_TOPICS, start=start)) as batches:
        async for batch in batches:
            if not batch:
                return
            records = list(within(batch, times))
            for take in takers:
                take(records)
