"""Small charts as inline SVG text: no library, no network, colours by CSS class.

Every chart is one string with a viewBox, so that it scales with its column, and carries its
series as JSON for the page's one script (the reading under the pointer).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, cos, floor, isfinite, log10, pi, sin

WIDTH, HEIGHT = 640, 270
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 34
LOG_SCALE_FROM = 5.0  # a series that spans more than this ratio is drawn on a logarithmic axis

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line: ``style`` is the CSS class that colours it; points ascend in x."""

    label: str
    style: str
    points: Sequence[Point]


@dataclass(frozen=True)
class _Axes:
    """Data to pixels."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    logarithmic: bool = False

    def x(self, value: float) -> float:
        span = (self.x_high - self.x_low) or 1.0
        return LEFT + (value - self.x_low) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._scaled(self.y_low), self._scaled(self.y_high)
        share = (self._scaled(max(value, self.y_low)) - low) / ((high - low) or 1.0)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def _scaled(self, value: float) -> float:
        return log10(value) if self.logarithmic else value


def line_chart(series: Sequence[Series], *, x_label: str, y_label: str) -> str:
    """Lines over rounds; the y axis is logarithmic when the values span a wide range."""
    series = [_finite(one) for one in series]
    if not any(one.points for one in series):
        return _empty()
    axes = _axes(series)
    lines = [_line(one, axes) for one in series if one.points]
    return _chart([*_frame(axes, x_label, y_label), *lines], series)


def stacked_chart(series: Sequence[Series], *, x_label: str, y_label: str) -> str:
    """Shares of one, stacked from the first series upwards; all series have the same x."""
    if not series or not series[0].points:
        return _empty()
    xs = [x for x, _ in series[0].points]
    axes = _Axes(xs[0], xs[-1], 0.0, 1.0)
    below = [0.0] * len(xs)
    areas = []
    for one in series:
        above = [b + y for b, (_, y) in zip(below, one.points, strict=True)]
        forth = [
            f"{axes.x(x):.1f},{axes.y(min(1.0, y)):.1f}" for x, y in zip(xs, above, strict=True)
        ]
        back = [
            f"{axes.x(x):.1f},{axes.y(min(1.0, y)):.1f}" for x, y in zip(xs, below, strict=True)
        ]
        points = " ".join([*forth, *reversed(back)])
        areas.append(f'<polygon class="area {one.style}" points="{points}"/>')
        below = above
    return _chart([*_frame(axes, x_label, y_label), *areas], series)


def graph_chart(
    groups: Sequence[tuple[Sequence[str], Sequence[tuple[str, str]]]], waiting: Sequence[str]
) -> str:
    """Groups of peers, each a small circle of clients with a line for every exchange.

    Args:
        groups: members, and the pairs of them that trade.
        waiting: clients without peers, drawn as empty dots in a row at the bottom.
    """
    if not groups and not waiting:
        return _empty()
    columns = max(1, ceil((max(1, len(groups)) * WIDTH / HEIGHT) ** 0.5))
    rows = max(1, ceil(len(groups) / columns))
    cell_x, cell_y = WIDTH / columns, (HEIGHT - 24) / rows
    radius = 0.38 * min(cell_x, cell_y)
    parts = []
    for index, (members, pairs) in enumerate(groups):
        center = (cell_x * (index % columns + 0.5), cell_y * (index // columns + 0.5))
        parts += _ring(members, pairs, center, radius)
    step = min(14.0, (WIDTH - 20) / max(1, len(waiting)))
    parts += [
        f'<circle class="node waiting" cx="{10 + step * i:.1f}" cy="{HEIGHT - 10}" r="4">'
        f"<title>{escape(name)} waits for peers</title></circle>"
        for i, name in enumerate(waiting)
    ]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def legend(series: Sequence[Series]) -> str:
    """What each colour means, as HTML beside a chart."""
    items = "".join(
        f'<li><svg viewBox="0 0 22 8"><path class="line {one.style}" d="M1 4H21"/></svg>'
        f"{escape(one.label)}</li>"
        for one in series
    )
    return f'<ul class="legend">{items}</ul>'


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers within [low, high], about ``count`` of them.

    >>> ticks(0, 400)
    [0.0, 100.0, 200.0, 300.0, 400.0]
    """
    if high <= low:
        return [low]
    raw = (high - low) / count
    unit: float = 10.0 ** floor(log10(raw))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= raw)
    first = ceil(low / step - 1e-9)
    return [step * i for i in range(first, floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within [low, high]; powers alone when that is many.

    >>> log_ticks(0.008, 0.12)
    [0.01, 0.02, 0.05, 0.1]
    """
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    leading = (1, 2, 5) if len(exponents) <= 4 else (1,)
    values = [float(f"{m}e{e}") for e in exponents for m in leading]
    return [v for v in values if low <= v <= high]


def _finite(series: Series) -> Series:
    return Series(series.label, series.style, [p for p in series.points if isfinite(p[1])])


def _axes(series: Sequence[Series]) -> _Axes:
    xs = [x for one in series for x, _ in one.points]
    ys = sorted(y for one in series for _, y in one.points)
    low, high = ys[0], ys[-1]
    if low > 0 and high / low > LOG_SCALE_FROM:
        return _Axes(min(xs), max(xs), low / 1.1, high * 1.1, logarithmic=True)
    margin = 0.08 * ((high - low) or abs(high) or 1.0)
    bottom = low - margin
    return _Axes(min(xs), max(xs), max(0.0, bottom) if low >= 0 else bottom, high + margin)


def _frame(axes: _Axes, x_label: str, y_label: str) -> list[str]:
    low, high = axes.y_low, axes.y_high
    y_values = log_ticks(low, high) if axes.logarithmic else ticks(low, high)
    parts = []
    for value in y_values:
        y = axes.y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{value:g}</text>')
    for value in ticks(axes.x_low, axes.x_high, 6):
        x = axes.x(value)
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{HEIGHT - 18}">{value:g}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="tick mid" transform="translate(12 {middle}) rotate(-90)">{y_label}</text>'
    )
    parts.append(f'<text class="tick end" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}">{x_label}</text>')
    return parts


def _line(series: Series, axes: _Axes) -> str:
    if len(series.points) == 1:
        x, y = series.points[0]
        return (
            f'<circle class="dot {series.style}" cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="3"/>'
        )
    steps = "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in series.points)
    return f'<path class="line {series.style}" d="M{steps}"/>'


def _ring(
    members: Sequence[str], pairs: Sequence[tuple[str, str]], center: Point, radius: float
) -> list[str]:
    angle = 2 * pi / max(1, len(members))
    places = {
        name: (center[0] + radius * cos(i * angle), center[1] + radius * sin(i * angle))
        for i, name in enumerate(members)
    }
    edges = [
        f'<path class="edge" d="M{places[a][0]:.1f} {places[a][1]:.1f}'
        f'L{places[b][0]:.1f} {places[b][1]:.1f}"/>'
        for a, b in pairs
        if a in places and b in places
    ]
    nodes = [
        f'<circle class="node" cx="{x:.1f}" cy="{y:.1f}" r="4">'
        f"<title>{escape(name)}</title></circle>"
        for name, (x, y) in places.items()
    ]
    return [*edges, *nodes]


def _chart(parts: Sequence[str], series: Sequence[Series]) -> str:
    xs = sorted({x for one in series for x, _ in one.points})
    data = {
        "x": [xs[0], xs[-1]],
        "px": [LEFT, WIDTH - RIGHT],
        "series": [
            {"label": one.label, "points": [[x, float(f"{y:.4g}")] for x, y in one.points]}
            for one in series
        ],
    }
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" data-chart="{escape(json.dumps(data))}">'
        f'{"".join(parts)}<path class="cursor" d=""/></svg>'
    )


def _empty() -> str:
    return '<p class="empty">nothing was seen yet</p>'
