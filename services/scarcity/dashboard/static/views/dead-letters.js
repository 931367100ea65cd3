import { h } from '../dom.js';
import * as f from '../format.js';
import { badge, card, choice, empty, head, tile, tiles } from '../ui.js';
import { go } from '../actions.js';

export const deadLetters = {
  title: () => 'Dead letters',
  ask: (at) => ({ reason: at.query.get('reason') }),
  draw(data) {
    const reasons = Object.entries(data.reasons);
    const now = data.status.now_ms;
    return [
      head('Dead letters'),
      tiles(tile('Parked', f.count(data.total), 'records, byte for byte'), reasons.slice(0, 6).map(([reason, many]) => tile(reason, f.count(many), 'records', { href: `#/dead-letters?reason=${encodeURIComponent(reason)}` }))),
      card('The newest', [
        data.order.length ? h('ul', { class: 'letters' }, data.order.map((key) => {
          const one = data.letters[key];
          return h('li', { key, class: 'letter' },
            h('div', { class: 'link-head' }, badge(one.reason, 'bad'), h('b', { class: 'id' }, one.source), h('span', { class: 'soft' }, `${one.stage} · ${f.ago(one.parked_at_ms, now)}`)),
            h('p', {}, one.message || 'no message'),
            h('p', { class: 'soft' }, `key ${one.key || 'none'} · ${f.bytes(one.size)} · lies at dead-letters ${one.name}${one.requeued_from ? ` · was sent again, before it was ${one.requeued_from}` : ''}`),
            h('details', {}, h('summary', {}, 'Payload'), h('pre', { tabindex: '0', 'aria-label': `Payload of ${one.source}` }, one.preview || '(empty)')),
            h('p', { class: 'hashes' }, h('code', {}, `scarcity dead-letters show ${one.name}`)));
        })) : empty(data.total ? 'None of the newest has this reason.' : 'No record was parked.'),
      ], {
        wide: true,
        note: 'Put back what was mended: scarcity dead-letters requeue.',
        actions: h('div', { class: 'fields' }, choice('reason', 'Reason', data.reason, [['', 'all'], ...reasons.map(([r]) => [r, r])], (v) => go(`#/dead-letters${v ? `?reason=${encodeURIComponent(v)}` : ''}`))),
      }),
    ];
  },
};
