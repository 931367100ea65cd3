"""One event is one line of JSON, whatever it says."""

import logging
import sys

import orjson
import pytest

from scarcity.broker import logs
from scarcity.events.errors import InputError
from scarcity.events.types import Position
from scarcity.telemetry.json_lines import JsonLines, about

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def record(message: str, *words: object, **extra: object) -> logging.LogRecord:
    logger = logging.getLogger("scarcity.memory.service")
    made = logger.makeRecord(logger.name, logging.WARNING, "", 0, message, words, None, extra=extra)
    made.created = 1.5
    return made


def test_a_line_tells_what_it_is_about() -> None:
    headers = (("traceparent", f"00-{TRACE}-{SPAN}-01".encode()),)
    extra = about(Position("insights.retail", 2, 7), headers=headers, domain="retail", version=None)
    line = JsonLines("memory").format(record("parked %s\nfor good", "it", **extra))
    assert "\n" not in line
    assert orjson.loads(line) == {
        "time": "1970-01-01T00:00:01.500Z",
        "level": "WARNING",
        "service": "memory",
        "logger": "scarcity.memory.service",
        "message": "parked it\nfor good",
        "topic": "insights.retail",
        "partition": 2,
        "offset": 7,
        "domain": "retail",
        "trace_id": TRACE,
        "span_id": SPAN,
    }


def test_an_error_is_a_field() -> None:
    made = record("crashed")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert orjson.loads(JsonLines().format(made))["error"] == "ValueError: first\nsecond"


def test_strange_bytes_in_a_message_are_still_json() -> None:
    line = JsonLines().format(record("%s", "\ud800 \x1b[2J"))
    assert "\x1b" not in line
    assert orjson.loads(line)["message"].endswith("[2J")


def test_the_environment_chooses_the_form(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    try:
        monkeypatch.setenv("SCARCITY_LOG", "json")
        logs.configure_logging(service="gossip")
        logging.getLogger("scarcity").warning("told", extra=about(domain="retail"))
        monkeypatch.delenv("SCARCITY_LOG")
        logs.configure_logging(service="gossip")
        logging.getLogger("scarcity").warning("told", extra=about(domain="retail"))
    finally:
        root.handlers[:], root.level = kept, level
    first, second = capsys.readouterr().err.splitlines()
    told = orjson.loads(first)
    assert (told["service"], told["domain"], told["message"]) == ("gossip", "retail", "told")
    assert second.endswith("WARNING scarcity: told")


def test_another_word_is_refused() -> None:
    with pytest.raises(InputError, match="SCARCITY_LOG: 'xml' is unknown; one of: text, json"):
        logs.log_form({"SCARCITY_LOG": "xml"})
