import json
import re
from html import unescape
from itertools import pairwise
from xml.etree import ElementTree

from scarcity.reports.charts import (
    Series,
    graph_chart,
    legend,
    line_chart,
    log_ticks,
    stacked_chart,
    ticks,
)

LINE = Series("one <line>", "routed", [(1, 0.5), (2, 0.25), (3, 0.125)])


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_a_line_falls_on_the_page_when_its_values_fall() -> None:
    path = re.search(
        r'class="line routed" d="M([^"]+)"', line_chart([LINE], x_label="", y_label="")
    )
    assert path is not None
    points = [tuple(map(float, p.split())) for p in path[1].split("L")]
    xs, ys = zip(*points, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys)  # pixels count downwards


def test_a_wide_range_is_drawn_logarithmically() -> None:
    halving = Series("a", "routed", [(i, 2.0**-i) for i in range(8)])
    path = re.search(
        r'd="M([^"]+)"/><path class="cursor"', line_chart([halving], x_label="", y_label="")
    )
    assert path is not None
    ys = [float(p.split()[1]) for p in path[1].split("L")]
    steps = [b - a for a, b in pairwise(ys)]
    # Equal ratios are equal steps on a logarithmic axis, to the rounding of a tenth of a pixel.
    assert max(steps) - min(steps) < 0.25


def test_numbers_that_are_not_finite_are_left_out() -> None:
    holes = Series("a", "routed", [(1, 0.5), (2, float("nan")), (3, 0.4)])
    svg = line_chart([holes], x_label="", y_label="")
    assert "nan" not in svg
    assert parsed(svg).tag == "svg"


def test_charts_without_data_say_so() -> None:
    empty = [Series("a", "routed", [])]
    for chart in (
        line_chart(empty, x_label="", y_label=""),
        stacked_chart(empty, x_label="", y_label=""),
        graph_chart([], []),
    ):
        assert "nothing was seen yet" in chart


def test_a_single_point_is_a_dot() -> None:
    assert "<circle" in line_chart([Series("a", "routed", [(1, 1.0)])], x_label="", y_label="")


def test_shares_are_stacked_to_the_top() -> None:
    shares = [Series(n, n, [(0, 0.25), (1, 0.25)]) for n in ("a", "b", "c", "d")]
    polygons = re.findall(r'points="([^"]+)"', stacked_chart(shares, x_label="", y_label=""))
    tops = [float(p.split()[0].split(",")[1]) for p in polygons]
    bottoms = [float(p.split()[-1].split(",")[1]) for p in polygons]
    assert bottoms[1:] == tops[:-1]
    assert tops[-1] == 12.0  # the top margin


def test_the_script_gets_the_series_as_data() -> None:
    chart = parsed(line_chart([LINE], x_label="", y_label=""))
    data = json.loads(unescape(chart.attrib["data-chart"]))
    assert data["series"][0]["label"] == "one <line>"
    assert data["series"][0]["points"] == [[1, 0.5], [2, 0.25], [3, 0.125]]


def test_a_graph_has_a_dot_a_client_and_a_line_a_pair() -> None:
    svg = graph_chart(
        [(["a", "b", "c"], [("a", "b"), ("b", "c")]), (["d", "e"], [("d", "e")])], ["f"]
    )
    assert svg.count('class="node"') == 5
    assert svg.count('class="node waiting"') == 1
    assert svg.count('class="edge"') == 3
    assert parsed(svg).tag == "svg"


def test_labels_are_escaped() -> None:
    assert "<line>" not in legend([LINE])
    assert "<b>" not in graph_chart([(["<b>"], [])], ["<b>"])


def test_ticks_are_round_numbers_within_the_range() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert ticks(3.0, 3.0) == [3.0]
    assert log_ticks(0.5, 60.0) == [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
