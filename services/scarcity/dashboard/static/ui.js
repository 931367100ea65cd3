// Pieces that the views share.
import { h } from './dom.js';
import { legend } from './charts.js';

export const link = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

// The width of the content, and of one of `many` columns in it.
export const layout = { width: 1000 };
export function column(many, least = 340, padding = 34) {
  const gap = 16;
  const fit = Math.max(1, Math.min(many, Math.floor((layout.width + gap) / (least + gap))));
  return Math.floor((layout.width - gap * (fit - 1)) / fit) - padding;
}

export function tile(label, value, note = '', { tone = '', href = '' } = {}) {
  const inner = [h('dt', {}, label), h('dd', {}, h('span', { class: `big ${tone}` }, value), note && h('span', { class: 'note' }, note))];
  return h('div', { class: 'tile' }, href ? [h('dt', {}, h('a', { href }, label)), inner[1]] : inner);
}

export const tiles = (...all) => h('dl', { class: 'tiles' }, all);

export function card(title, content, { note = '', series = null, wide = false, id = '', actions = null } = {}) {
  return h('section', { class: `card${wide ? ' wide' : ''}`, 'aria-labelledby': id || undefined },
    h('div', { class: 'card-head' }, h('h2', { id: id || undefined }, title), actions),
    note && h('p', { class: 'soft' }, note), content, series && legend(series));
}

const TONES = { good: '✓ ', bad: '▲ ', plain: '', info: '' };
export const badge = (text, tone = 'plain') => h('span', { class: `badge ${tone}` }, `${TONES[tone]}${text}`);

export const PHASES = ['gossip', 'training', 'collection', 'processing', 'broadcast'];
export function phase(now) {
  const at = PHASES.indexOf(now);
  return h('span', { class: 'phase' },
    h('span', { class: 'steps', 'aria-hidden': 'true' }, PHASES.map((p, i) => h('i', { class: i === at ? 'on' : '', title: p }))),
    h('span', {}, now));
}

export function choice(id, label, value, options, change) {
  return h('span', { class: 'field' },
    h('label', { for: id }, label),
    h('select', { id, value, onchange: (event) => change(event.target.value) },
      options.map(([v, text]) => h('option', { value: v, key: v, selected: v === value }, text))));
}

export function head(title, ...rest) {
  return h('div', { class: 'head' }, h('h1', {}, title), rest);
}

export function tabled(caption, headings, rows) {
  return h('details', { class: 'figures' }, h('summary', {}, 'Show the figures'),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
      h('table', {}, h('caption', { class: 'hidden' }, caption),
        h('thead', {}, h('tr', {}, headings.map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell) => h('td', {}, cell))))))));
}

// Some rows of a long series: the last and evenly spread ones before it.
export function sampled(length, most = 12) {
  const step = Math.max(1, Math.ceil(length / most));
  const found = [];
  for (let i = length - 1; i >= 0; i -= step) found.unshift(i);
  return found;
}

export const empty = (text) => h('p', { class: 'empty' }, text);
