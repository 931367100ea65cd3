import pytest
from rich.console import Console, RenderableType
from tests.monitor import records

from scarcity.monitor.screen import closing_table, live_view, log_line
from scarcity.monitor.view import SystemView


@pytest.fixture
def view() -> SystemView:
    view = SystemView(memory_limit=10_000)
    view.fold(records.a_session())
    return view


def text(renderable: RenderableType, width: int = 140) -> str:
    console = Console(width=width, record=True, file=None, force_terminal=False, quiet=True)
    console.quiet = False
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_the_live_view_has_the_figures_of_every_domain(view: SystemView) -> None:
    shown = text(live_view(view, 3_000, goal=400, status="starting"))
    assert "retail" in shown
    assert "30/400" in shown
    assert "40/40" in shown
    assert "3/1" in shown
    assert ".210" in shown  # retail after round 30: .2 + .3 / 30
    assert "dead letters 3 (2 malformed, 1 wrong-domain)" in shown
    assert "memory 2 insights (at most 10000 a domain)" in shown
    assert "retail: too few peers" in shown
    assert "starting" in shown


def test_the_live_view_fits_a_terminal_of_80_columns(view: SystemView) -> None:
    view.domains["retail"].name = "technology"
    view.fold([records.parameters("retail", 31, source_ms=0, at_ms=1_250)])
    lines = text(live_view(view, 3_000, goal=400), width=80).splitlines()
    assert any("technology" in line and "31/400" in line and "1.00" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_the_privacy_mode_is_on_screen(view: SystemView) -> None:
    assert "privacy mode: open" in text(live_view(view, 3_000))
    assert "privacy open" in log_line(view, 3_000)


def test_a_log_line_is_one_line_with_every_domain(view: SystemView) -> None:
    line = log_line(view, 3_000, goal=400)
    assert "\n" not in line
    assert "retail round 30/400" in line
    assert "energy round 30/400" in line


def test_a_view_of_nothing_renders() -> None:
    empty = SystemView()
    assert "no domain yet" in text(live_view(empty, 0))
    assert "no domain yet" in log_line(empty, 0)
    assert text(closing_table(empty))


def test_a_domain_without_evaluations_renders() -> None:
    view = SystemView()
    view.fold([records.profile("retail")])
    assert "not evaluated" in text(closing_table(view))
    assert "retail" in text(live_view(view, 0))
    assert "not evaluated yet" in log_line(view, 0)


def test_the_closing_table_says_who_gained(view: SystemView) -> None:
    rows = {line.split()[1]: line for line in text(closing_table(view)).splitlines() if "│" in line}
    # retail .21 against its own ridge .5 is -58 %; energy .71 is +42 %.
    assert "yes (-58 %)" in rows["retail"]
    assert "no (+42 %)" in rows["energy"]


def test_what_is_spent_of_privacy_is_on_screen_and_in_the_log() -> None:
    view = SystemView()
    view.fold(records.a_private_session())
    for shown in (text(live_view(view, 0), width=300), log_line(view, 0)):
        assert "ward: epsilon 0.75 of 6 at delta 1e-05" in shown
        assert (
            "clinic: 2 insights of losses alone, 1 client without budget for slopes, "
            "1 client silent at their limit"
        ) in shown


def test_who_counts_no_more_is_named() -> None:
    view = SystemView()
    assert "count no more" not in log_line(view, 0)
    view.fold(records.a_session_with_marks())
    for shown in (text(live_view(view, 0), width=300), log_line(view, 0)):
        assert ("count no more: retail: b (check), c (check), d (operator) and 1 more") in shown
