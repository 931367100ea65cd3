"""An insight's number is above all numbers of the same client before, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from scarcity.client.sequence import (
    INSIGHTS_PER_SECOND,
    first_sequence,
    registration_time_ms,
)


@given(st.lists(st.tuples(st.integers(0, 2**41), st.integers(1, INSIGHTS_PER_SECOND)), max_size=20))
def test_numbers_rise_over_restarts_even_with_a_clock_that_jumps(
    lives: list[tuple[int, int]],
) -> None:
    registered, last = None, -1
    for clock_ms, insights in lives:
        registered = registration_time_ms(clock_ms, registered)
        first = first_sequence(registered)
        assert first > last
        last = first + insights - 1


def test_a_number_is_exact_in_a_double_until_2242() -> None:
    # 2242-01-01 is 8 583 753 600 s after 1970.
    assert first_sequence(8_583_753_600_000) < 2**53
