"""A service's log is plain lines, and stays short while the broker is away."""

import logging
import sys

from scarcity.broker.logs import SAID_BY_US, NotAgain, OneLine


def record(name: str, message: str, at_s: float = 0.0) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "", 0, message, None, None)
    made.created = at_s
    return made


def test_an_error_with_its_traceback_is_one_line() -> None:
    made = record("scarcity", "crashed")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = OneLine().format(made)
    assert line.endswith("ERROR scarcity: crashed ValueError: first | second")


def test_a_librarys_message_is_shown_once_in_ten_seconds() -> None:
    shown = NotAgain()
    times = (0.0, 0.1, 9.9, 10.0, 10.1)
    assert [shown.filter(record("aiokafka", "Unable", at_s=t)) for t in times] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_failed_first_connection_is_left_to_our_own_line() -> None:
    assert not NotAgain().filter(record("aiokafka", SAID_BY_US))


def test_our_own_messages_are_always_shown() -> None:
    shown = NotAgain()
    assert all(shown.filter(record("scarcity.memory", "parked")) for _ in range(3))
