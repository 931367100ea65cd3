import { h } from '../dom.js';
import * as f from '../format.js';
import { badge, card, choice, empty, head, link, tile, tiles } from '../ui.js';
import { go } from '../actions.js';

const SORTS = [['seen', 'last heard'], ['loss', 'highest loss'], ['accepted', 'most insights'], ['rejected', 'most parked'], ['name', 'name']];
// What was typed and not yet asked for.
let timer = 0, typed = null;

function to(changes) {
  const query = new URLSearchParams(location.hash.split('?')[1] || '');
  query.delete('page');
  for (const [key, value] of Object.entries(typed === null ? changes : { search: typed, ...changes })) {
    if (value && value !== 'seen') query.set(key, value); else query.delete(key);
  }
  clearTimeout(timer);
  typed = null;
  go(`#/clients${query.size ? `?${query}` : ''}`);
}

export const clients = {
  title: () => 'Clients',
  ask: (at) => ({ search: at.query.get('search'), domain: at.query.get('domain'), sort: at.query.get('sort'), page: at.query.get('page') }),
  draw(data) {
    const now = data.status.now_ms;
    const search = (value) => { typed = value.trim(); clearTimeout(timer); timer = setTimeout(() => to({}), 200); };
    const pages = data.pages > 1 && h('nav', { class: 'pager', 'aria-label': 'Pages of the table' },
      h('button', { type: 'button', disabled: data.page <= 1, onclick: () => to({ page: data.page > 2 ? String(data.page - 1) : '' }) }, 'Previous'),
      h('span', {}, `page ${f.count(data.page)} of ${f.count(data.pages)}`),
      h('button', { type: 'button', disabled: data.page >= data.pages, onclick: () => to({ page: String(data.page + 1) }) }, 'Next'));
    return [
      head('Clients'),
      tiles(tile('Clients', f.count(data.total), data.unlisted ? `and ${f.count(data.unlisted)} not listed` : 'known from the topics'), tile('Found', f.count(data.matches), data.search || data.domain ? 'by this search' : 'all')),
      card('Table', [
        data.order.length ? h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Clients' }, h('table', { class: 'cards' },
          h('thead', {}, h('tr', {}, ['Client', 'Domain', 'Loss', 'Insights', 'Parked', 'Duplicates', 'Versions behind', 'Last heard', 'State'].map((t, i) => h('th', { scope: 'col', class: i > 1 && i < 8 ? 'number' : '' }, t)))),
          h('tbody', {}, data.order.map((key) => {
            const row = data.rows[key];
            return h('tr', { key },
              h('th', { scope: 'row' }, h('a', { href: link('client', row.domain, row.id), class: 'id' }, row.shown)),
              h('td', { 'data-label': 'Domain' }, row.domain),
              h('td', { 'data-label': 'Loss', class: 'number' }, f.loss(row.loss)),
              h('td', { 'data-label': 'Insights', class: 'number' }, f.count(row.accepted)),
              h('td', { 'data-label': 'Parked', class: 'number' }, f.count(row.rejected)),
              h('td', { 'data-label': 'Duplicates', class: 'number' }, f.count(row.duplicates)),
              h('td', { 'data-label': 'Versions behind', class: 'number' }, f.count(row.behind)),
              h('td', { 'data-label': 'Last heard', class: 'number' }, f.ago(row.seen_ms, now)),
              h('td', { 'data-label': 'State' }, stateOf(row)));
          })))) : empty(data.total ? 'No client’s name holds this.' : 'No client was heard yet.'),
        pages,
      ], {
        wide: true,
        actions: h('div', { class: 'fields' },
          h('span', { class: 'field' }, h('label', { for: 'search' }, 'Search'), h('input', { id: 'search', type: 'search', value: data.search, placeholder: 'part of a name', oninput: (e) => search(e.target.value) })),
          choice('domain', 'Domain', data.domain, [['', 'all'], ...data.status.domains.map((n) => [n, n])], (v) => to({ domain: v })),
          choice('sort', 'Order', data.sort, SORTS, (v) => to({ sort: v }))),
      }),
    ];
  },
};

export function stateOf(row) {
  if (row.marked) return badge(`quarantined by ${row.marked === 'check' ? 'the check' : row.marked === 'repair' ? 'a repair' : 'an operator'}`, 'bad');
  if (row.limit === 'all') return badge('privacy limit: silent', 'info');
  if (row.limit === 'slopes') return badge('privacy limit: losses only', 'info');
  return row.held ? badge('counts', 'good') : badge(row.accepted ? 'let go' : 'not heard yet');
}
