import { h } from '../dom.js';
import { lineChart, timeColumns } from '../charts.js';
import * as f from '../format.js';
import { card, column, empty, head, link, tile, tiles } from '../ui.js';

export const memory = {
  title: () => 'Memory',
  ask: () => ({}),
  draw(data) {
    const rows = Object.entries(data.domains).sort((a, b) => b[1].held - a[1].held);
    const bound = data.limit * Math.max(1, rows.length);
    const full = data.limit ? data.held / bound : null;
    const most = Math.max(1, data.limit, ...rows.map((r) => r[1].held));
    const x = data.timeline.map((b) => b[0]);
    return [
      head('Memory'),
      tiles(
        tile('Clients held', f.count(data.held), 'the latest insight of each'),
        tile('Bound', data.limit ? f.count(data.limit) : '–', data.limit ? 'insights a domain' : 'set SCARCITY_MEMORY_MAX_INSIGHTS here too'),
        tile('Occupied', f.percent(full, false), data.limit ? `of ${f.count(bound)} in all domains` : ''),
        tile('Evictions', f.count(data.evicted), 'let go, the oldest first'),
      ),
      card('Shares of the domains', rows.length ? h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Memory by domain' }, h('table', { class: 'cards' },
        h('thead', {}, h('tr', {}, ['Domain', 'Held against the bound', 'Share', 'Accepted', 'Duplicates', 'Parked', 'Evicted'].map((t, i) => h('th', { scope: 'col', class: i > 1 ? 'number' : '' }, t)))),
        h('tbody', {}, rows.map(([name, row]) => h('tr', { key: name },
          h('th', { scope: 'row' }, h('a', { href: link('domain', name) }, name)),
          h('td', { 'data-label': 'Held against the bound', class: 'barred' }, h('span', { class: 'bar' }, h('i', { class: data.limit && row.held > 0.9 * data.limit ? 'k3' : 'k0', style: { width: `${Math.max(row.held ? 0.6 : 0, row.held / most * 100)}%` } })), h('b', {}, f.count(row.held), data.limit ? h('span', { class: 'note' }, ` ${f.percent(row.held / data.limit, false)}`) : null)),
          h('td', { 'data-label': 'Share', class: 'number' }, f.percent(data.held ? row.held / data.held : null, false)),
          h('td', { 'data-label': 'Accepted', class: 'number' }, f.count(row.accepted)),
          h('td', { 'data-label': 'Duplicates', class: 'number' }, f.count(row.duplicates)),
          h('td', { 'data-label': 'Parked', class: 'number' }, f.count(row.rejected)),
          h('td', { 'data-label': 'Evicted', class: 'number' }, f.count(row.evicted))))))) : empty('The memory holds nothing yet.'), { wide: true }),
      h('div', { class: 'grid-2' },
        card('Clients held over time', lineChart({ id: 'held', title: 'Clients held over time', x, series: [{ label: 'held', y: data.timeline.map((b) => b[1]), style: 'k0', mark: 'circle' }], width: column(2, 420), height: 230, xLabel: 'UTC', xText: f.clock, yLabel: 'clients', format: f.count, zero: true, log: 'never' }), { note: 'As far back as the compacted topic still tells when.' }),
        card('Evictions over time', timeColumns(data.timeline.filter((b) => b[2]), [{ at: 2, label: 'evictions', style: 'k3' }], { width: column(2, 420), height: 230, widthMs: data.width_ms, title: 'Evictions over time', clock: f.clock }))),
      data.unlisted > 0 && h('p', { class: 'soft' }, `${f.count(data.unlisted)} clients are counted here and not listed: the page lists ${f.count(data.listed)}.`),
    ];
  },
};
