"""`--since` and `--until`: a time, or how long ago."""

import argparse
import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from scarcity.events.errors import InputError

_AGO: Final = re.compile(r"(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class TimeRange(NamedTuple):
    """Milliseconds since 1970, both ends included; None is no bound."""

    since_ms: int | None = None
    until_ms: int | None = None


def add_time_range(parser: argparse.ArgumentParser, what: str) -> None:
    """Give a command its `--since` and `--until`; ``what``: the times of which they bound."""
    told = "ISO 8601, or how long ago: 90s, 15m, 2h, 7d"
    parser.add_argument("--since", metavar="TIME", help=f"{what} at this time or later ({told})")
    parser.add_argument("--until", metavar="TIME", help=f"{what} at this time or before")


def time_range_of(args: argparse.Namespace, now_ms: int) -> TimeRange:
    """The range that was given.

    Raises:
        InputError: a bound is no time, or the range is empty.
    """
    since, until = (
        None if text is None else parse_time(text, option, now_ms)
        for option, text in (("--since", args.since), ("--until", args.until))
    )
    if since is not None and until is not None and since > until:
        raise InputError(f"--since {args.since} is later than --until {args.until}")
    return TimeRange(since, until)


def parse_time(text: str, option: str, now_ms: int) -> int:
    """Milliseconds since 1970 of an ISO 8601 time (without a zone it is UTC), or of `2h` ago.

    Raises:
        InputError: it is neither.

    >>> parse_time("1970-01-01T00:00:01Z", "--since", 0), parse_time("2m", "--since", 150_000)
    (1000, 30000)
    """
    if (ago := _AGO.fullmatch(text)) is not None:
        return max(0, now_ms - 1000 * int(ago[1]) * _SECONDS[ago[2]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} {text!r} is no time; want ISO 8601, e.g. 2026-01-31T12:00:00Z, or how long "
            "ago, e.g. 2h"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)
