"""Lines about domains that stand still."""

from scarcity.meta.rounds import Wait
from scarcity.meta.waiting import PATIENCE_MS, WaitReport

FEW = {"retail": Wait("waits for clients: 1 of at least 2", stalled=True)}


def test_a_domain_that_stands_still_is_told_once_after_a_while() -> None:
    report = WaitReport()
    assert report.lines(FEW, 0) == []
    told = report.lines(FEW, PATIENCE_MS)
    assert told == ["domain retail waits for clients: 1 of at least 2"]
    assert report.lines(FEW, 2 * PATIENCE_MS) == []


def test_another_reason_is_told_too_and_so_is_that_it_goes_on() -> None:
    report = WaitReport()
    report.lines(FEW, 0)
    report.lines(FEW, PATIENCE_MS)
    none = {"retail": Wait("waits for clients: 0 of at least 2", stalled=True)}
    assert report.lines(none, 9_000) == ["domain retail waits for clients: 0 of at least 2"]
    assert report.lines({}, 9_001) == ["domain retail goes on"]
    assert report.lines(FEW, 9_002) == []


def test_a_round_that_only_collects_is_not_worth_a_line() -> None:
    report = WaitReport()
    collecting = {"retail": Wait("collects: 3 of 4 clients (quorum)", until_ms=10)}
    assert [report.lines(collecting, t) for t in (0, 10**6)] == [[], []]
