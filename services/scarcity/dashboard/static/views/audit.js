import { h } from '../dom.js';
import * as f from '../format.js';
import { badge, card, choice, empty, head, link, tile, tiles } from '../ui.js';
import { ask, go, refusal } from '../actions.js';
import { answer, titleOf } from './answers.js';

const what = { domain: '', client: '' };

function entry(one, previous, jobs) {
  const job = jobs.find((j) => j.kind === 'verify' && j.domain === one.domain && j.version === one.version);
  const busy = job && (job.state === 'running' || job.state === 'waiting');
  return h('li', { key: one.index, class: one.follows ? 'link' : 'link broken' },
    h('div', { class: 'link-head' },
      h('b', {}, h('a', { href: link('domain', one.domain) }, one.domain), `@${one.version}`),
      one.start && badge(`start: ${one.start}`, 'info'),
      one.reverted && badge('step before taken back', 'bad'), one.repair.length > 0 && badge(`repair without ${one.repair.join(', ')}`, 'info'),
      one.mark_count > 0 && badge(`marks ${one.marks.join(', ')}`, 'bad'), one.checkpoint && badge('checkpoint'), one.signed ? badge('signed', 'good') : badge('unsigned'),
      !one.follows && badge(one.index === 0 ? 'begins with a parent that is not here' : 'does not follow the entry before', 'bad'),
      h('span', { class: 'grow' }),
      job && job.state === 'done' && (job.result.equal ? badge('verified: equal', 'good') : badge('verified: not equal', 'bad')),
      job && job.state === 'failed' && badge('could not be verified', 'bad'),
      h('button', { type: 'button', class: 'small', disabled: busy, 'aria-label': `Verify ${one.domain} version ${one.version}`, onclick: () => ask({ kind: 'verify', domain: one.domain, version: one.version }) }, busy ? 'Verifying …' : 'Verify')),
    h('p', { class: 'soft' }, `${f.count(one.clients)} clients of ${f.count(one.active)} active · closed by ${one.closed_by} · loss ${f.loss(one.loss)} · ${f.date(one.written_at_ms)} UTC · ${one.place}`),
    h('p', { class: 'hashes' }, h('code', { title: one.hash }, f.short(one.hash)), h('span', { class: 'soft' }, ' follows '), h('code', { title: one.parent }, f.short(one.parent)), h('span', { class: 'soft' }, ' result '), h('code', { title: one.result }, f.short(one.result))));
}

export const audit = {
  title: () => 'Audit',
  ask: (at) => ({ domain: at.query.get('domain'), before: at.query.get('before') }),
  draw(data, at) {
    const names = data.status.domains;
    const to = (changes) => {
      const query = new URLSearchParams(at.query);
      for (const [key, value] of Object.entries(changes)) { if (value !== '') query.set(key, value); else query.delete(key); }
      go(`#/audit${query.size ? `?${query}` : ''}`);
    };
    const newest = data.order.length ? data.entries[data.order[0]] : null;
    const oldest = data.order.length ? data.entries[data.order.at(-1)] : null;
    if (!names.includes(what.domain)) what.domain = data.domain || names[0] || '';
    const send = (event) => { event.preventDefault(); ask({ kind: 'without', domain: what.domain, client: what.client.trim() }); };
    return [
      head('Audit'),
      tiles(
        tile('Ledger', f.count(data.length), 'entries'),
        tile('Chain', data.length === 0 ? '–' : data.broken ? `${f.count(data.broken)} breaks` : 'whole', data.broken ? data.breaks.slice(-3).join(', ') : 'each names the hash before it', { tone: data.broken ? 'bad-text' : data.length ? 'good-text' : '' }),
        tile('Newest', newest ? `${newest.domain}@${newest.version}` : '–', newest ? f.ago(newest.written_at_ms, data.status.now_ms) : ''),
      ),
      card('What if a client had not taken part?', [
        h('form', { class: 'fields', onsubmit: send },
          choice('what-domain', 'Domain', what.domain, names.map((n) => [n, n]), (v) => { what.domain = v; }),
          h('span', { class: 'field' }, h('label', { for: 'what-client' }, 'Without client'), h('input', { id: 'what-client', type: 'text', required: true, value: what.client, oninput: (e) => { what.client = e.target.value; } })),
          h('button', { type: 'submit' }, 'Fold again')),
        refusal.text && h('p', { class: 'hint bad' }, refusal.text),
      ], { wide: true, note: 'Makes the domain’s versions again from the insights, with and without the client.' }),
      data.jobs.length > 0 && card('Answers', h('div', { 'aria-live': 'polite' }, data.jobs.slice(0, 6).map((job) => h('article', { class: 'answer', key: job.id }, h('h3', {}, titleOf(job)), answer(job)))), { wide: true }),
      card('The ledger', [
        data.order.length ? h('ol', { class: 'chain' }, data.order.map((key, i) => entry(data.entries[key], data.entries[data.order[i + 1]], data.jobs))) : empty('The ledger has no entry yet.'),
        h('nav', { class: 'pager', 'aria-label': 'Pages of the ledger' },
          h('button', { type: 'button', disabled: data.before < 0, onclick: () => to({ before: '' }) }, 'Newest'),
          h('button', { type: 'button', disabled: !oldest || oldest.index === 0 || data.order.length < 30, onclick: () => to({ before: String(oldest.index) }) }, 'Older')),
      ], { wide: true, actions: h('div', { class: 'fields' }, choice('domain', 'Domain', data.domain, [['', 'all'], ...names.map((n) => [n, n])], (v) => to({ domain: v, before: '' }))) }),
    ];
  },
};
