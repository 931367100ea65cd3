// What the audit answered.
import { h } from '../dom.js';
import { lineChart } from '../charts.js';
import * as f from '../format.js';
import { badge, column, sampled, tabled } from '../ui.js';

export const titleOf = (job) => ({
  verify: `Verify ${job.domain}@${job.version}`,
  without: `${job.domain} without ${job.client}`,
  influence: `Influence of ${job.client}`,
}[job.kind]);

export function progress(job) {
  if (job.state === 'waiting') return h('p', { class: 'soft' }, 'Waits for the question before it.');
  const [done, total] = job.step || [0, 0];
  return h('div', { class: 'meter-row' },
    h('span', {}, job.reading ? `Reads ${job.reading} …` : total ? `Makes versions again: ${f.count(done)} of ${f.count(total)}` : 'Begins …'),
    h('progress', { max: total || 1, value: total ? done : undefined, 'aria-label': titleOf(job) }));
}

export function answer(job) {
  if (job.state === 'waiting' || job.state === 'running') return progress(job);
  if (job.state === 'failed') return h('p', {}, badge('no answer', 'bad'), ' ', job.error);
  return [{ verify: verified, without: curves, influence: influences }[job.kind](job), h('p', { class: 'soft' }, `Recomputed from the topics in ${f.seconds(job.took_s)}.`)];
}

function verified(job) {
  const r = job.result;
  return [
    h('p', { class: 'verdict' }, r.equal ? badge('equal', 'good') : badge(r.lost.length ? 'cannot be made again' : 'not equal', 'bad'), ' ',
      r.equal ? `The version made again from ${f.count(r.insights)} insights has the hash that the ledger tells.` : 'The log does not bear the ledger’s entry out.'),
    h('ul', { class: 'facts' },
      h('li', {}, h('span', {}, 'hash'), h('code', {}, r.hash)),
      h('li', {}, h('span', {}, 'chain'), h('b', {}, `${f.count(r.chain)} entries checked`)),
      h('li', {}, h('span', {}, 'began at'), h('b', {}, r.began_at ? `checkpoint of ${r.began_at}` : 'the beginning of the ledger'))),
    r.differences.length > 0 && h('ul', { class: 'plain' }, r.differences.map((d) => h('li', {}, h('b', {}, d.name), `: the ledger says ${d.told}, recomputed ${d.found}`))),
    [...r.findings, ...r.lost].length > 0 && h('ul', { class: 'plain' }, [...r.findings, ...r.lost].map((t) => h('li', {}, t))),
  ];
}

function curves(job) {
  const r = job.result;
  const series = [
    { label: 'recorded', y: r.recorded, style: 'k0', mark: 'circle' },
    { label: `without ${job.client.slice(0, 40)}`, y: r.altered, style: 'k3 dash1', mark: 'square' },
  ];
  const last = r.apart.at(-1);
  return [
    h('p', {}, `${f.count(r.heard)} of ${f.count(r.x.length)} versions heard it. Without it the parameters would lie ${f.percent(last, false)} of their size elsewhere. The other clients’ reports stay what they were.`),
    h('div', { class: 'grid-2' },
      h('div', {}, h('h4', {}, 'Typical loss'), lineChart({ id: `w${job.id}`, title: 'Typical loss with and without the client', x: r.x, series, width: column(2, 420), height: 220, yLabel: 'loss that clients route by' }), h('ul', { class: 'legend' }, series.map((s) => h('li', {}, h('i', { class: `dot-${s.style.split(' ')[0]} square` }), s.label)))),
      h('div', {}, h('h4', {}, 'How far the parameters part'), lineChart({ id: `a${job.id}`, title: 'Distance of the parameters', x: r.x, series: [{ label: 'difference', y: r.apart, style: 'k1', mark: 'diamond' }], width: column(2, 420), height: 220, yLabel: 'share of their norm', format: (v) => f.percent(v, false), log: 'never', zero: true }))),
    tabled('With and without the client', ['version', 'recorded', 'without', 'difference'], sampled(r.x.length).map((i) => [r.x[i], f.loss(r.recorded[i]), f.loss(r.altered[i]), f.percent(r.apart[i], false)])),
  ];
}

function influences(job) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Influence by version' }, h('table', {},
    h('thead', {}, h('tr', {}, ['Version', 'Moved it by', 'Of the step', 'Rank', 'Weight', 'Gate'].map((t, i) => h('th', { scope: 'col', class: i && i < 5 ? 'number' : '' }, t)))),
    h('tbody', {}, job.result.versions.map((v) => h('tr', { key: v.version },
      h('th', { scope: 'row' }, `${job.domain}@${v.version}`),
      h('td', { class: 'number' }, f.loss(v.influence)),
      h('td', { class: 'number' }, f.percent(v.share, false)),
      h('td', { class: 'number' }, `${v.rank} of ${v.clients}`),
      h('td', { class: 'number' }, f.loss(v.weight)),
      h('td', {}, v.decides ? badge('decides the gate', 'info') : ''))))));
}
