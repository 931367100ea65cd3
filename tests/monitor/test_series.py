import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.monitor.series import Latencies, Rate, RunningTotal, Thinned


@given(st.integers(1, 5000))
def test_a_series_keeps_its_first_and_last_item_and_never_more_than_its_limit(count: int) -> None:
    series: Thinned[int] = Thinned(limit=64)
    for version in range(count):
        series.add(version, version)
    kept = [x for x, _ in series.items()]
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert kept == sorted(set(kept))
    assert len(kept) <= 64
    assert series.last == count - 1


def test_an_empty_series_has_no_items() -> None:
    series: Thinned[int] = Thinned()
    assert series.items() == []
    assert series.last is None


def test_a_total_counts_a_sender_that_starts_again_from_zero() -> None:
    total = RunningTotal()
    total.update("a", 10)
    total.update("a", 2)
    total.update("a", 3)
    assert total.value == 10 + 2 + 1


def test_a_total_remembers_a_bounded_number_of_senders() -> None:
    total = RunningTotal(limit=2)
    for sender in "abc":
        total.update(sender, 5)
    assert total.value == 15
    total.update("c", 6)
    assert total.value == 16


def test_a_rate_counts_the_whole_seconds_of_its_window() -> None:
    rate = Rate(window_s=10)
    for at_ms in (500, 5_100, 5_900, 12_000):
        rate.add(at_ms)
    # At 12.5 s the window is the seconds 2 to 11: the two records of second 5.
    assert rate.per_second(12_500) == 0.2
    assert rate.per_second(60_000) == 0.0


def test_a_rate_holds_a_bounded_number_of_seconds() -> None:
    rate = Rate(window_s=10)
    for second in range(10_000):
        rate.add(second * 1000)
    assert rate.per_second(10_000_000) == 1.0
    assert len(rate._counts) <= 41


def test_quantiles_are_those_of_the_observations() -> None:
    latencies = Latencies()
    for ms in (10, 20, 30, 40):
        latencies.observe(ms / 1000)
    assert latencies.quantile(0.5) == 0.02
    assert latencies.quantile(0.99) == 0.04
    assert Latencies().quantile(0.5) is None


def test_buckets_are_cumulative_and_end_with_all_observations() -> None:
    latencies = Latencies(bounds_s=(0.1, 1.0))
    for seconds in (-1.0, 0.1, 0.5, 7.0):
        latencies.observe(seconds)
    # -1 counts as 0; a bound belongs to its own bucket.
    assert latencies.cumulative() == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert latencies.total_s == pytest.approx(7.6)
