import re

import pytest
from tests.monitor import records

from scarcity.monitor.view import SystemView
from scarcity.reports.page import render_report
from scarcity.reports.style import SCRIPT, STYLE


@pytest.fixture
def page() -> str:
    view = SystemView()
    view.fold(records.a_session())
    scales = [0.7, 1, 1.5, 2, 3, 4, 6, 8, 12, float("inf")]
    return render_report(view, stretch="171 s", written="today", length_scales=scales)


def test_the_page_refers_to_nothing_outside_itself(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<img|src=|fetch\(|import\(", page)


def test_every_part_is_on_the_page(page: str) -> None:
    for title in (
        "Error of new clients over rounds",
        "Loss of each expert",
        "Routing weights of new clients",
        "Who trades priors with whom",
        "Time from a round’s newest insight to its parameters",
    ):
        assert page.count(title) == 2  # two domains
    assert page.count('<svg viewBox="0 0 640 270"') == 2 * 5
    assert "linear (ℓ = ∞)" in page
    assert "privacy mode: open" in page
    assert "171 s" in page


def test_the_closing_figures_and_verdicts_are_on_the_page(page: str) -> None:
    # Retail after round 30: .2 + .3 / 30, against its own ridge of .5; energy: .7 + .01.
    assert "<b>.210</b>" in page
    assert 'class="yes">yes (-58 %)' in page
    assert 'class="no">no (+42 %)' in page


def test_light_and_dark_are_both_there() -> None:
    assert "prefers-color-scheme:dark" in STYLE
    assert STYLE.count("--e9:") == 2
    assert "innerHTML" not in SCRIPT


def test_a_domain_name_is_no_markup() -> None:
    view = SystemView()
    view.fold([records.ledger("<script>alert(1)</script>", 1)])
    assert "<script>alert" not in render_report(view, stretch="", written="")


def test_a_report_of_nothing_renders() -> None:
    assert "0 domains" in render_report(SystemView(), stretch="", written="")


def test_a_part_of_the_log_counts_what_lies_in_it_and_says_that_it_is_a_part() -> None:
    view = SystemView()
    view.fold([records.ledger("retail", version) for version in range(40, 45)])
    view.fold([records.insight("a", "retail"), records.insight("b", "retail")])
    page = render_report(view, stretch="", written="", is_partial=True)
    assert "5 rounds · 2 insights published" in page
    assert "shows a part of the log" in page
