"""The report of a simulation."""

from tests.simulation.scenarios import calm

from scarcity.simulation.report import render_report
from scarcity.simulation.runner import run


def test_the_report_is_one_page_that_loads_nothing() -> None:
    page = render_report(run(calm(name="a <b> name")))
    assert page.count("<svg") > 4
    assert "a &lt;b&gt; name" in page
    assert "http" not in page.replace("http://www.w3.org", "")
