"""Lines to stderr, plain or JSON: one an event, errors too, no flood while a broker is away."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final

from scarcity.events.errors import InputError
from scarcity.telemetry.json_lines import JsonLines

LOG_KEY: Final = "SCARCITY_LOG"
FORMS: Final = ("text", "json")
LIBRARIES_QUIET = ("aiokafka", "faust", "mode", "opentelemetry", "urllib3")
REPEAT_S = 10.0
# aiokafka's words for a failed first connection: start_with_backoff says it once and better.
SAID_BY_US = 'Unable connect to "%s:%s": %s'


class OneLine(logging.Formatter):
    """An exception is shown as its class and message on the same line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and str(error) not in line:
            line = f"{line} {type(error).__name__}: {error}"
        return " | ".join(part.strip() for part in line.splitlines() if part.strip())


class NotAgain(logging.Filter):
    """A library's message is let through once in ten seconds.

    aiokafka reports every failed attempt, ten a second while the broker is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        if not record.name.startswith(LIBRARIES_QUIET):
            return True
        if record.msg == SAID_BY_US:
            return False
        key = (record.name, str(record.msg))
        if record.created - self._last.get(key, -REPEAT_S) < REPEAT_S:
            return False
        self._last[key] = record.created
        return True


def log_form(environ: Mapping[str, str]) -> str:
    """`text` or `json`, as SCARCITY_LOG says.

    Raises:
        InputError: it says something else.
    """
    form = environ.get(LOG_KEY) or FORMS[0]
    if form not in FORMS:
        raise InputError(f"{LOG_KEY}: {form!r} is unknown; one of: {', '.join(FORMS)}")
    return form


def configure_logging(*, debug: bool = False, service: str = "") -> None:
    """Send our log to stderr, a line an event; the libraries only report errors.

    Args:
        debug: everything, with tracebacks where lines are plain.
        service: told on every line where lines are JSON.

    Raises:
        InputError: SCARCITY_LOG is wrong.
    """
    handler = logging.StreamHandler(sys.stderr)
    is_json = log_form(os.environ) == "json"
    if is_json:
        handler.setFormatter(JsonLines(service))
    elif debug:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(OneLine())
    if not debug:
        handler.addFilter(NotAgain())
    level = logging.DEBUG if debug else logging.INFO
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in LIBRARIES_QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.ERROR)
