// Charts as descriptions of SVG, drawn at the width they have on screen so that text keeps its size.
import { h } from './dom.js';
import { known, loss as lossText } from './format.js';

const LEFT = 52, RIGHT = 14, TOP = 12, BOTTOM = 36;
const LOG_FROM = 6; // values that span more than this ratio get a logarithmic axis

// Where the reading cursor of a chart is: chart id -> index. Set by pointer and arrow keys.
export const cursors = new Map();
let redraw = () => {};
export const onCursor = (draw) => { redraw = draw; };

export function ticks(low, high, many = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / many;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * unit).find((s) => s >= raw * (1 - 1e-9)) || 10 * unit;
  const result = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) result.push(i * step);
  return result;
}

function logTicks(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const leading = last - first <= 4 ? [1, 2, 5] : [1];
  const result = [];
  for (let e = first; e <= last; e++) for (const m of leading) {
    const value = Number(`${m}e${e}`);
    if (value >= low && value <= high) result.push(value);
  }
  return result;
}

export const tickText = (value) => {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
};

function scaleOf(values, { zero = false, log = 'auto' } = {}) {
  let low = Infinity, high = -Infinity;
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  if (low === Infinity) return null;
  if (log !== 'never' && low > 0 && high / low > LOG_FROM) return { low: low / 1.12, high: high * 1.12, log: true };
  const margin = 0.08 * ((high - low) || Math.abs(high) || 1);
  let bottom = zero ? Math.min(0, low) : low - margin;
  if (low >= 0) bottom = Math.max(0, bottom);
  return { low: bottom, high: high + margin, log: false };
}

function project(scale, from, to) {
  const f = scale.log ? Math.log10 : (v) => v;
  const low = f(scale.low), span = (f(scale.high) - low) || 1;
  return (v) => from + (f(Math.max(v, scale.low)) - low) / span * (to - from);
}

function pathOf(x, y, px, py) {
  let d = '', pen = false;
  for (let i = 0; i < x.length; i++) {
    if (!known(y[i])) { pen = false; continue; }
    d += `${pen ? 'L' : 'M'}${px(x[i]).toFixed(1)} ${py(y[i]).toFixed(1)}`;
    pen = true;
  }
  return d;
}

const SHAPES = {
  circle: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  square: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  triangle: (x, y, r) => `M${x} ${y - r}l${r} ${1.8 * r}h${-2 * r}z`,
  down: (x, y, r) => `M${x} ${y + r}l${r} ${-1.8 * r}h${-2 * r}z`,
  diamond: (x, y, r) => `M${x} ${y - 1.3 * r}l${1.2 * r} ${1.3 * r}l${-1.2 * r} ${1.3 * r}l${-1.2 * r} ${-1.3 * r}z`,
};
export const shape = (kind, x, y, r = 4) => SHAPES[kind](Number(x.toFixed(1)), Number(y.toFixed(1)), r);

function lastKnown(y) {
  for (let i = y.length - 1; i >= 0; i--) if (known(y[i])) return i;
  return -1;
}

function nearest(x, value) {
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle; else high = middle;
  }
  return Math.abs(x[low] - value) <= Math.abs(x[high] - value) ? low : high;
}

// Lines over x. series: {label, y, style (class), mark (shape), faint}; marks: {x, shape, style, label}.
// `id` names the chart for its reading; `format` writes a value.
export function lineChart(spec) {
  const { id, x, series, width, height = 260, format = lossText, xLabel = 'round', yLabel = '' } = spec;
  const values = series.flatMap((s) => s.y.filter(known)).concat(spec.level ? [spec.level.y].filter(known) : []);
  const scale = scaleOf(values, spec);
  if (!scale || !x.length) return h('p', { class: 'empty' }, spec.empty || 'Nothing was seen yet.');
  const xLow = x[0], xHigh = x[x.length - 1];
  const px = (v) => LEFT + (v - xLow) / ((xHigh - xLow) || 1) * (width - LEFT - RIGHT);
  const py = project(scale, height - BOTTOM, TOP);
  const at = Math.min(cursors.get(id) ?? -1, x.length - 1);
  const xText = spec.xText || tickText;
  const yTicks = scale.log ? logTicks(scale.low, scale.high) : ticks(scale.low, scale.high, 4);
  const parts = [
    yTicks.map((t) => [
      h('path', { class: 'grid', d: `M${LEFT} ${py(t).toFixed(1)}H${width - RIGHT}` }),
      h('text', { class: 'tick end', x: LEFT - 7, y: py(t) + 4 }, tickText(t)),
    ]),
    ticks(xLow, xHigh, Math.max(2, Math.min(8, width / (spec.xText ? 130 : 90)))).map((t) =>
      h('text', { class: `tick ${px(t) > width - 40 ? 'end' : 'mid'}`, x: Math.min(px(t), width - 4), y: height - BOTTOM + 16 }, xText(t))),
    h('text', { class: 'tick end', x: width - RIGHT, y: height - 4 }, xLabel),
    yLabel && h('text', { class: 'tick', x: LEFT, y: height - 4 }, `${yLabel}${scale.log ? ' (log)' : ''}`),
    (spec.versions || []).length > 1 && px(spec.versions[1]) - px(spec.versions[0]) >= 0.5
      && h('path', { class: 'rug', d: spec.versions.map((v) => `M${px(v).toFixed(1)} ${height - BOTTOM}v5`).join('') }),
    spec.level && known(spec.level.y) && h('path', { class: 'level', d: `M${LEFT} ${py(spec.level.y).toFixed(1)}H${width - RIGHT}` }),
    series.map((s) => h('path', { class: `line ${s.style}${s.faint ? ' faint' : ''}`, d: pathOf(x, s.y, px, py) })),
    series.filter((s) => s.mark).map((s) => {
      const last = lastKnown(s.y);
      return last >= 0 && h('path', { class: `dot ${s.style}`, d: shape(s.mark, px(x[last]), py(s.y[last]), 4.5) });
    }),
    (spec.marks || []).filter((m) => m.x >= xLow && m.x <= xHigh).map((m) =>
      h('path', { class: `dot ${m.style}`, d: shape(m.shape, px(m.x), TOP + 3, 4.5) }, h('title', {}, m.label))),
    at >= 0 && h('path', { class: 'cursor', d: `M${px(x[at]).toFixed(1)} ${TOP}V${height - BOTTOM}` }),
    at >= 0 && series.filter((s) => known(s.y[at])).map((s) =>
      h('circle', { class: `at ${s.style}`, cx: px(x[at]), cy: py(s.y[at]), r: 4 })),
  ];
  const move = (index) => { cursors.set(id, Math.max(0, Math.min(x.length - 1, index))); redraw(); };
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width * width - LEFT) / (width - LEFT - RIGHT);
    move(nearest(x, xLow + share * (xHigh - xLow)));
  };
  const leave = () => { if (cursors.delete(id)) redraw(); };
  const keys = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
  const readings = at >= 0 && h('div', { class: `reading${px(x[at]) > width / 2 ? ' left' : ''}`, 'aria-hidden': 'true' },
    h('b', {}, `${xLabel} ${xText(x[at])}`),
    series.filter((s) => known(s.y[at])).map((s) => h('span', {}, swatch(s), `${s.label} `, h('i', {}, format(s.y[at])))),
    (spec.marks || []).filter((m) => m.x === x[at]).map((m) => h('span', {}, m.label)));
  const spoken = at >= 0
    ? `${xLabel} ${xText(x[at])}: ${series.filter((s) => known(s.y[at])).map((s) => `${s.label} ${format(s.y[at])}`).join(', ')}`
    : `${spec.title || yLabel}: ${series.map((s) => { const l = lastKnown(s.y); return l < 0 ? '' : `${s.label} ${format(s.y[l])}`; }).filter(Boolean).join(', ')}`;
  return h('div', {
    class: 'chart', tabindex: '0', role: 'slider', 'aria-orientation': 'horizontal', 'aria-label': `${spec.title || yLabel}, arrow keys read values`,
    'aria-valuemin': '0', 'aria-valuemax': String(x.length - 1), 'aria-valuenow': String(at < 0 ? x.length - 1 : at), 'aria-valuetext': spoken,
    onkeydown: (event) => {
      // Not `at`: keys come faster than the page is drawn.
      if (event.key in keys) { event.preventDefault(); move((cursors.get(id) ?? x.length - 1) + keys[event.key]); }
      if (event.key === 'Escape') leave();
    },
    onpointermove: point, onpointerdown: point, onpointerleave: leave, onblur: leave,
  },
  h('svg', { viewBox: `0 0 ${width} ${height}`, width, height, 'aria-hidden': 'true', focusable: 'false' }, parts), readings || null);
}

export function swatch(s) {
  return h('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' },
    !s.only && h('path', { class: `line ${s.style}${s.faint ? ' faint' : ''}`, d: 'M1 5H25' }),
    s.mark && h('path', { class: `dot ${s.style}`, d: shape(s.mark, 13, 5, 3.6) }));
}

export function legend(series) {
  return h('ul', { class: 'legend' }, series.map((s) => h('li', {}, swatch(s), s.label)));
}

// A line without axes, for a table or a small multiple.
export function spark(y, { width = 120, height = 30, style = 'k0', x = null, scale = null, label = '' } = {}) {
  const values = y.filter(known);
  if (!values.length) return h('span', { class: 'none' }, '–');
  const xs = x || y.map((_, i) => i);
  const own = scale || scaleOf(values);
  const px = (v) => 3 + (v - xs[0]) / ((xs[xs.length - 1] - xs[0]) || 1) * (width - 8);
  const py = project(own, height - 4, 4);
  const last = lastKnown(y);
  return h('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label || 'a line' },
    h('path', { class: `line ${style}`, d: pathOf(xs, y, px, py) }),
    h('path', { class: `dot ${style}`, d: shape('circle', px(xs[last]), py(y[last]), 2.6) }));
}
export { scaleOf };

// Columns: items {label, value, style, title}.
export function columns(items, { width, height = 180, title = '', format = String }) {
  const high = Math.max(1, ...items.map((i) => i.value));
  const step = (width - 16) / items.length;
  const base = height - 24;
  return h('svg', { class: 'columns', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img',
    'aria-label': `${title}: ${items.map((i) => `${i.label}: ${format(i.value)}`).join(', ')}` },
  h('path', { class: 'axis', d: `M8 ${base}H${width - 8}` }),
  items.map((item, i) => {
    const tall = item.value / high * (base - 22);
    const x = 8 + i * step;
    return [
      h('rect', { class: `fill ${item.style || 'k0'}`, x: x + step * 0.12, y: base - tall, width: Math.max(1, step * 0.76), height: Math.max(0, tall), rx: 2 }),
      item.value > 0 && step > 20 && h('text', { class: 'tick mid strong', x: x + step / 2, y: base - tall - 6 }, format(item.value)),
      h('text', { class: 'tick mid', x: x + step / 2, y: base + 16 }, item.label),
    ];
  }));
}

// Counts over time: stacked columns of several kinds. buckets: [ms, a, b, …].
export function timeColumns(buckets, kinds, { width, height = 190, widthMs, title, clock }) {
  if (!buckets.length) return h('p', { class: 'empty' }, 'None so far.');
  const first = buckets[0][0], last = Math.max(buckets[buckets.length - 1][0] + widthMs, first + 12 * widthMs);
  const px = (at) => LEFT - 14 + (at - first) / (last - first) * (width - LEFT);
  const high = Math.max(1, ...buckets.map((b) => kinds.reduce((sum, k) => sum + b[k.at], 0)));
  const base = height - 24;
  const py = (v) => base - v / high * (base - 10);
  const wide = Math.max(1.5, (px(first + widthMs) - px(first)) * 0.8);
  return h('svg', { class: 'columns', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img',
    'aria-label': `${title}: ${kinds.map((k) => `${k.label} ${buckets.reduce((sum, b) => sum + b[k.at], 0)}`).join(', ')}` },
  ticks(0, high, 3).filter(Number.isInteger).map((t) => [
    h('path', { class: 'grid', d: `M${LEFT - 14} ${py(t).toFixed(1)}H${width - 8}` }),
    h('text', { class: 'tick end', x: LEFT - 20, y: py(t) + 4 }, tickText(t))]),
  buckets.map((b) => {
    let below = 0;
    return kinds.map((k) => {
      const from = below;
      below += b[k.at];
      return b[k.at] > 0 && h('rect', { class: `fill ${k.style}`, x: px(b[0]), y: py(below), width: wide, height: Math.max(1, py(from) - py(below)) });
    });
  }),
  [first, (first + last) / 2, last].map((t, i) =>
    h('text', { class: `tick ${['', 'mid', 'end'][i]}`, x: px(t), y: height - 5 }, clock(t))));
}

// One bar cut into shares. parts: {label, value, style}.
export function shares(parts, { width, height = 26, title, format }) {
  const total = parts.reduce((sum, p) => sum + p.value, 0) || 1;
  let at = 0;
  return h('svg', { class: 'columns', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img',
    'aria-label': `${title}: ${parts.map((p) => `${p.label} ${format(p.value)}`).join(', ')}` },
  parts.map((p) => {
    const wide = p.value / total * width;
    const x = at;
    at += wide;
    return wide > 0.4 && h('rect', { class: `fill ${p.style}`, x, y: 0, width: Math.max(0.5, wide - 1.5), height, rx: 3 }, h('title', {}, `${p.label} ${format(p.value)}`));
  }));
}
