import { h } from '../dom.js';
import { spark } from '../charts.js';
import * as f from '../format.js';
import { badge, card, choice, empty, head, link, phase, tile, tiles } from '../ui.js';
import { go } from '../actions.js';

const SORTS = {
  name: ['name', (a, b) => a[0].localeCompare(b[0])],
  active: ['active clients', (a, b) => b[1].active - a[1].active],
  rate: ['insights a second', (a, b) => (b[1].rate ?? 0) - (a[1].rate ?? 0)],
  change: ['change of loss', (a, b) => (f.change(a[1].loss, a[1].loss_start) ?? 9) - (f.change(b[1].loss, b[1].loss_start) ?? 9)],
};

function learned(row) {
  const change = f.change(row.loss, row.loss_start);
  return h('span', { class: 'learned' },
    spark(row.spark, { width: 96, height: 28, style: 'k0', label: `loss ${f.loss(row.loss)}, at the start ${f.loss(row.loss_start)}` }),
    h('span', { class: 'two' }, h('b', {}, f.loss(row.loss)),
      change === null ? null : Math.abs(change) < 0.005 ? h('span', { class: 'note' }, '= 0 %') : h('span', { class: change < 0 ? 'good-text' : 'bad-text' }, `${change < 0 ? '▼' : '▲'} ${f.percent(change)}`)));
}

function newcomers(row) {
  if (row.routed === null) return h('span', { class: 'none' }, '–');
  const change = f.change(row.routed, row.local);
  return h('span', { class: 'two' }, h('b', {}, f.loss(row.routed)), ' ',
    h('span', { class: row.gains ? 'good-text' : 'bad-text' }, `${row.gains ? '✓' : '✗'} ${f.percent(change)} to ${f.loss(row.local)}`));
}

function tableOf(rows) {
  const headings = [
    ['domain', 'Domain'], ['round', 'Round'], ['doing', 'Phase'], ['clients', 'Clients active'], ['loss', 'Loss, since start'],
    ['new', 'New clients to own best'], ['rate', 'Insights/s'], ['time', 'To parameters p50, p99'], ['privacy', 'Privacy'],
  ];
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Domains' }, h('table', { class: 'cards' },
    h('thead', {}, h('tr', {}, headings.map(([key, text]) => h('th', { scope: 'col', class: key }, text)))),
    h('tbody', {}, rows.map(([name, row]) => h('tr', { key: name },
      h('th', { scope: 'row' }, h('a', { href: link('domain', name) }, name), row.marked ? badge(`${row.marked} marked`, 'bad') : null),
      h('td', { 'data-label': 'Round', class: 'number' }, row.round < 0 ? '–' : f.count(row.round)),
      h('td', { 'data-label': 'Phase' }, phase(row.phase)),
      h('td', { 'data-label': 'Clients active', class: 'number' }, f.count(row.active), h('span', { class: 'note' }, ` of ${f.count(row.heard)}`)),
      h('td', { 'data-label': 'Loss, since start' }, learned(row)),
      h('td', { 'data-label': 'New clients to own best' }, newcomers(row)),
      h('td', { 'data-label': 'Insights/s', class: 'number' }, f.rate(row.rate)),
      h('td', { 'data-label': 'To parameters p50, p99', class: 'number' }, f.ms(row.p50_ms), h('span', { class: 'note' }, ` / ${f.ms(row.p99_ms)}`)),
      h('td', { 'data-label': 'Privacy' }, badge(row.privacy)))))));
}

export const overview = {
  title: () => 'Overview',
  ask: () => ({}),
  draw(data, at) {
    const t = data.totals;
    const search = (at.query.get('filter') || '').toLowerCase();
    const sort = SORTS[at.query.get('sort')] ? at.query.get('sort') : 'name';
    const all = Object.entries(data.domains);
    const rows = all.filter(([name]) => name.includes(search)).sort(SORTS[sort][1]);
    const to = (filter, by) => {
      const query = new URLSearchParams();
      if (filter) query.set('filter', filter);
      if (by !== 'name') query.set('sort', by);
      go(`#/overview${query.size ? `?${query}` : ''}`);
    };
    const parked = Object.values(data.letters).reduce((sum, n) => sum + n, 0);
    const lag = Object.entries(data.lag).sort((a, b) => b[1] - a[1]).slice(0, 12);
    return [
      head('Overview'),
      tiles(
        tile('Clients active', f.count(t.active), `of ${f.count(t.heard)} heard`, { href: '#/clients' }),
        tile('Insights a second', f.rate(t.rate), `${f.count(t.insights)} so far`),
        tile('Insight to parameters', f.ms(t.p50_ms), `99 % within ${f.ms(t.p99_ms)}`),
        tile('Rounds', f.count(t.rounds), `${f.count(t.domains)} domain${t.domains === 1 ? '' : 's'}`),
        tile('Lag', f.count(t.lag), 'records behind'),
        tile('Dead letters', f.count(parked), parked ? 'parked records' : 'none parked', { tone: parked ? 'bad-text' : '', href: '#/dead-letters' }),
      ),
      card('Domains', rows.length ? tableOf(rows) : empty(all.length ? 'No domain’s name holds this.' : 'No topic tells of a domain yet. Declare one: scarcity domain apply.'), {
        wide: true,
        actions: all.length > 6 && h('div', { class: 'fields' },
          h('span', { class: 'field' }, h('label', { for: 'filter' }, 'Filter'),
            h('input', { id: 'filter', type: 'search', value: at.query.get('filter') || '', oninput: (e) => to(e.target.value.trim(), sort) })),
          choice('sort', 'Order', sort, Object.entries(SORTS).map(([key, [text]]) => [key, text]), (by) => to(search, by))),
      }),
      h('div', { class: 'grid-2' },
        card('Consumer groups', h('div', {},
          Object.keys(data.workers).length ? h('ul', { class: 'facts' }, Object.entries(data.workers).map(([group, many]) =>
            h('li', { key: group }, h('span', {}, group.replace('scarcity-', '')), h('b', {}, `${f.count(many)} worker${many === 1 ? '' : 's'}`)))) : empty('Not looked at yet.'),
          lag.length ? h('ul', { class: 'facts' }, lag.map(([name, behind]) => h('li', { key: name }, h('span', {}, name.replace('scarcity-', '')), h('b', {}, `${f.count(behind)} behind`))))
            : Object.keys(data.workers).length > 0 && h('p', { class: 'soft' }, 'No group is behind.'))),
        card('Dead letters by reason', parked ? h('ul', { class: 'facts' }, Object.entries(data.letters).map(([reason, many]) =>
          h('li', { key: reason }, h('a', { href: `#/dead-letters?reason=${encodeURIComponent(reason)}` }, reason), h('b', {}, f.count(many))))) : empty('No record was parked.'))),
    ];
  },
};
