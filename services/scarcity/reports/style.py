"""Style and script of the report; one page, nothing fetched, light and dark."""

EXPERTS = 10

# Viridis (van der Walt and Smith 2015) at nine even places: experts are ordered by length scale,
# so their colours are a sequence. The dark page leaves its dark end out, the light page the yellow.
_VIRIDIS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip
LIGHT_RANGE, DARK_RANGE = (0.0, 0.78), (0.25, 1.0)


def expert_colors(low: float, high: float) -> str:
    """CSS variables --e0 to --e9 along the colour map from ``low`` to ``high`` (0 to 1)."""
    return "".join(
        f"--e{i}:{_color(low + (high - low) * i / (EXPERTS - 1))};" for i in range(EXPERTS)
    )


def _color(place: float) -> str:
    position = place * (len(_VIRIDIS) - 1)
    index = min(int(position), len(_VIRIDIS) - 2)
    share = position - index
    mixed = (
        round(a + share * (b - a))
        for a, b in zip(_VIRIDIS[index], _VIRIDIS[index + 1], strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


STYLE = (
    f":root{{color-scheme:light dark;{expert_colors(*LIGHT_RANGE)}"
    """
--paper:#fff;--card:#f6f7f9;--ink:#1c2330;--soft:#5b6576;--grid:#dde1e8;--main:#1f5fd6;
--second:#b35c00;--local:#52606f;--mean:#8a94a3;--good:#11743c;--bad:#a63a1e}
@media(prefers-color-scheme:dark){:root{"""
    f"{expert_colors(*DARK_RANGE)}"
    """
--paper:#12161d;--card:#1a2029;--ink:#e8ecf2;--soft:#9aa6b6;--grid:#2d3542;--main:#7fb0ff;
--second:#f0a04b;--local:#b4bfcc;--mean:#7d8998;--good:#63cf92;--bad:#ff9474}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:20px;margin:40px 0 10px}
h3{font-size:14px;margin:0 0 6px}
p{max-width:75ch;margin:6px 0}.soft{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;margin:16px 0;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px 6px 0;text-align:right;border-bottom:1px solid var(--grid)}
th{color:var(--soft);font-weight:500}th:first-child,td:first-child{text-align:left}
td.yes{color:var(--good);font-weight:600}td.no{color:var(--bad);font-weight:600}
td b{color:var(--main)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:16px}
figure{margin:0;background:var(--card);border-radius:10px;padding:14px;position:relative;min-width:0}
figure>svg{width:100%;height:auto;display:block}
figcaption{color:var(--soft);font-size:13px;margin-top:6px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:6px 0 0;
padding:0;font-size:12px}
.legend svg{width:22px;height:8px;margin-right:5px}
.tick{fill:var(--soft);font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--grid);stroke-width:1;fill:none}
.line{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round}
.dot{fill:var(--main)}.area{stroke:var(--card);stroke-width:.6}
.line.routed,.line.latency{stroke:var(--main);stroke-width:2.6}.line.latency{stroke-width:1.4}
.line.uniform{stroke:var(--second)}
.line.ridge{stroke:var(--local);stroke-dasharray:7 4}
.line.mean{stroke:var(--mean);stroke-dasharray:2 4}
.edge{stroke:var(--main);stroke-opacity:.35;stroke-width:1;fill:none}
.node{fill:var(--main)}.node.waiting{fill:none;stroke:var(--soft);stroke-width:1.5}
.cursor{stroke:var(--soft);stroke-dasharray:3 3;fill:none}
.reading{position:absolute;right:14px;top:12px;background:var(--paper);border:1px solid var(--grid);
border-radius:6px;padding:5px 9px;font-size:12px;line-height:1.35;pointer-events:none;display:none;
font-variant-numeric:tabular-nums;white-space:pre}
.empty{color:var(--soft);padding:60px 0;text-align:center;max-width:none}
"""
    + "".join(
        f".line.x{i}{{stroke:var(--e{i});stroke-width:1.6}}.area.x{i}{{fill:var(--e{i})}}"
        for i in range(EXPERTS)
    )
    + ".legend .line{stroke-width:3}"
)

SCRIPT = """
for (const svg of document.querySelectorAll('svg[data-chart]')) {
  const chart = JSON.parse(svg.dataset.chart), [a, b] = chart.x, [left, right] = chart.px;
  const cursor = svg.querySelector('.cursor'), reading = document.createElement('div');
  reading.className = 'reading';
  svg.parentNode.append(reading);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const x = a + (Math.min(right, Math.max(left, px)) - left) / (right - left) * (b - a);
    const near = (points) => points.reduce(
      (best, p) => Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best, points[0]);
    const lines = chart.series.filter((s) => s.points.length).map((s) => [s.label, near(s.points)]);
    if (!lines.length) return;
    const at = lines[0][1][0];
    reading.textContent = ['round ' + at, ...lines.map(([l, p]) => l + '  ' + p[1])].join('\\n');
    reading.style.display = 'block';
    const to = left + (at - a) / ((b - a) || 1) * (right - left);
    reading.style.right = to > (left + right) / 2 ? 'auto' : '14px';
    reading.style.left = to > (left + right) / 2 ? '14px' : 'auto';
    cursor.setAttribute('d', `M${to} 8V236`);
  });
  svg.addEventListener('pointerleave', () => {
    reading.style.display = 'none';
    cursor.setAttribute('d', '');
  });
}
"""
