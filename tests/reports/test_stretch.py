import argparse

import pytest
from tests.monitor import records

from scarcity.broker.time_options import TimeRange, time_range_of
from scarcity.events.errors import InputError
from scarcity.events.types import Record
from scarcity.reports.stretch import stretch_text, within


def at(record: Record, at_ms: int) -> Record:
    return record._replace(timestamp_ms=at_ms)


OLD_PROFILE = at(records.profile("retail"), 1_000)
OLD_INSIGHT = at(records.insight("a", "retail"), 1_000)
INSIGHT = at(records.insight("a", "retail"), 5_000)
ROUND = at(records.ledger("retail", 1), 6_000)
LATE_ROUND = at(records.ledger("retail", 2), 9_000)
ALL = [OLD_PROFILE, OLD_INSIGHT, INSIGHT, ROUND, LATE_ROUND]


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        (TimeRange(), ALL),
        (TimeRange(5_000, None), [OLD_PROFILE, INSIGHT, ROUND, LATE_ROUND]),
        (TimeRange(None, 6_000), [OLD_PROFILE, OLD_INSIGHT, INSIGHT, ROUND]),
        (TimeRange(5_001, 8_999), [OLD_PROFILE, ROUND]),
    ],
)
def test_facts_lie_in_the_stretch_and_states_hold_since_before_it(
    times: TimeRange, kept: list[Record]
) -> None:
    assert list(within(ALL, times)) == kept


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (TimeRange(), "all that the topics keep"),
        (TimeRange(None, 1_000), "up to 1970-01-01 00:00:01 UTC"),
        (TimeRange(0, 1_000), "1970-01-01 00:00:00 UTC to 1970-01-01 00:00:01 UTC"),
    ],
)
def test_a_stretch_is_told_in_words(times: TimeRange, text: str) -> None:
    assert stretch_text(times) == text


def test_an_empty_stretch_is_refused() -> None:
    args = argparse.Namespace(since="1h", until="2h")
    with pytest.raises(InputError, match="--since 1h is later than --until 2h"):
        time_range_of(args, 10**9)
