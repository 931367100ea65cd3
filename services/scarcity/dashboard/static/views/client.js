import { h } from '../dom.js';
import { lineChart } from '../charts.js';
import * as f from '../format.js';
import { card, column, empty, head, link, tile, tiles } from '../ui.js';
import { ask, refusal } from '../actions.js';
import { answer, titleOf } from './answers.js';
import { stateOf } from './clients.js';

export const client = {
  title: (data) => data.shown || 'Client',
  ask: (at) => ({ domain: at.parts[0] || '', client: at.parts[1] || '' }),
  draw(data) {
    const back = h('p', { class: 'soft about' }, h('a', { href: '#/clients' }, 'Clients'), ' / ', h('a', { href: link('domain', data.domain) }, data.domain));
    if (!data.known) return [head(data.shown || 'Client'), back, empty('No topic tells of this client.')];
    const now = data.status.now_ms;
    const x = data.history.map((p) => p[0]), y = data.history.map((p) => p[1]);
    const busy = (kind) => data.jobs.some((j) => j.kind === kind && (j.state === 'running' || j.state === 'waiting'));
    const question = (kind) => ask({ kind, domain: data.domain, client: data.client });
    return [
      head(h('span', { class: 'id' }, data.shown), stateOf(data)),
      back,
      data.marked && h('p', { class: 'hint bad' }, `Its insights count no more, by the word of ${data.marked === 'check' ? 'the meta-learner’s own check' : data.marked === 'repair' ? 'a repair' : 'an operator'}.`),
      tiles(
        tile('Loss', f.loss(data.loss), data.typical === null ? '' : `typical is ${f.loss(data.typical)}`),
        tile('Insights', f.count(data.accepted), `${f.count(data.rejected)} parked, ${f.count(data.duplicates)} repeated`),
        tile('Last heard', f.ago(data.seen_ms, now), data.behind === null ? '' : `${f.count(data.behind)} versions behind`),
        tile('First heard', f.ago(data.first_seen_ms, now), data.registered ? 'registered' : 'no registration'),
        tile('Rows', data.rows ? f.count(data.rows) : '–', 'as it told'),
        data.budget ? tile('Privacy budget', f.percent(data.leased / data.budget, false), `${f.count(data.leased)} of ${f.count(data.budget)} numbers leased`) : null,
        data.epsilon !== null ? tile('ε spent', f.loss(data.epsilon), 'as it told') : null,
        data.gossip.length ? tile('Exchanges', f.count(data.gossip[0]), `${f.count(data.gossip[1])} evictions, ${f.count(data.gossip[2])} re-admissions`) : null,
      ),
      card('Its losses', lineChart({ id: 'history', title: 'Losses it published', x, series: [{ label: 'mean loss', y, style: 'k0', mark: 'circle' }], width: column(1), height: 240, xLabel: 'UTC', xText: f.clock, yLabel: 'mean loss', marks: [], level: { y: data.typical } }), { wide: true, note: `As it published them, thinned to ${data.history.length} points.${data.typical === null ? '' : ' The dashed level is the domain’s typical loss.'}` }),
      data.evicted.length > 0 && card('Peers it leaves out', h('p', {}, data.evicted.slice(0, 30).join(', ')), { wide: true }),
      card('Ask the audit', [
        h('div', { class: 'fields' },
          h('button', { type: 'button', disabled: busy('influence'), onclick: () => question('influence') }, 'Compute its influence'),
          h('button', { type: 'button', disabled: busy('without'), onclick: () => question('without') }, 'What if it had not taken part?')),
        refusal.text && h('p', { class: 'hint bad' }, refusal.text),
        h('div', { 'aria-live': 'polite' }, data.jobs.slice(0, 4).map((job) => h('article', { class: 'answer', key: job.id }, h('h3', {}, titleOf(job)), answer(job)))),
      ], { wide: true, note: 'Recomputed from the topics, in a process of its own.' }),
    ];
  },
};
