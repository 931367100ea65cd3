import { h } from '../dom.js';
import { columns, lineChart, scaleOf, shares, spark } from '../charts.js';
import * as f from '../format.js';
import { badge, card, choice, column, empty, head, link, phase, PHASES, sampled, tabled, tile, tiles } from '../ui.js';
import { go } from '../actions.js';

const PHASE_STYLE = { gossip: 'k4', training: 'k2', collection: 'k0', processing: 'k1', broadcast: 'k3' };

function lossCard(data) {
  const loss = data.loss;
  const series = [
    { label: 'mean over the round’s clients', y: loss.mean, style: 'k0', faint: true },
    { label: 'some ten rounds', y: loss.smooth, style: 'k0', mark: 'circle' },
  ];
  const marks = [
    ...loss.reverted.map((x) => ({ x, shape: 'down', style: 'k3', label: `step ${x} took the one before back` })),
    ...loss.repairs.map((x) => ({ x, shape: 'diamond', style: 'k4', label: `version ${x} is a repair` })),
  ];
  const keys = [...series, { label: 'level at the start', y: [], style: 'k6', only: false },
    ...(loss.reverted.length ? [{ label: 'a step was taken back', style: 'k3', mark: 'down', only: true, y: [] }] : []),
    ...(loss.repairs.length ? [{ label: 'repair', style: 'k4', mark: 'diamond', only: true, y: [] }] : [])];
  const at = sampled(loss.x.length);
  return card('Loss over rounds', [
    lineChart({ id: 'loss', title: 'Loss over rounds', x: loss.x, series, width: column(2, 420), height: 270, yLabel: 'query loss', marks, versions: loss.x, level: { y: loss.start } }),
    loss.x.length > 0 && tabled('Loss over rounds', ['version', 'clients', 'mean loss', 'smoothed'], at.map((i) => [loss.x[i], loss.clients[i], f.loss(loss.mean[i]), f.loss(loss.smooth[i])])),
  ], { series: loss.x.length ? keys : null, note: 'Each tick below is a version. Clients differ from round to round, so the thin line jumps.' });
}

function newcomersCard(data) {
  const e = data.evaluations;
  const series = [
    { label: 'adapted, routed', y: e.routed, style: 'k0', mark: 'circle' },
    { label: 'adapted, uniform', y: e.uniform, style: 'k1 dash1', mark: 'square' },
    { label: 'own tuned ridge', y: e.ridge, style: 'k2 dash2', mark: 'triangle' },
    { label: 'own mean', y: e.mean, style: 'k5 dash3', mark: 'diamond' },
  ];
  const at = sampled(e.x.length);
  return card('New clients against their own best', [
    lineChart({ id: 'new', title: 'Error of new clients', x: e.x, series, width: column(2, 420), height: 270, yLabel: 'mean squared error', empty: 'No one evaluates new clients in this domain.' }),
    e.x.length > 0 && tabled('Error of new clients', ['version', ...series.map((s) => s.label)], at.map((i) => [e.x[i], ...series.map((s) => f.loss(s.y[i]))])),
  ], { series: e.x.length ? series : null, note: e.x.length ? `${f.count(e.clients)} clients that never took part; the lower two use their own rows alone.` : '' });
}

function expertCards(data) {
  const x = data.experts;
  const width = Math.max(130, column(5, 172, 30));
  const scales = {};
  for (const key of ['loss', 'weight', 'rate']) {
    scales[key] = scaleOf(x.experts.flatMap((e) => e[key].filter(f.known)), { zero: key === 'weight', log: key === 'weight' ? 'never' : 'auto' });
  }
  const final = (y) => { for (let i = y.length - 1; i >= 0; i--) if (f.known(y[i])) return y[i]; return null; };
  const best = Math.max(...x.experts.map((e) => final(e.weight) ?? -1));
  const row = (label, values, xs, key, style, text) => h('div', { class: 'mini' },
    h('span', { class: 'mini-label' }, label), h('b', {}, text),
    scales[key] ? spark(values, { x: xs, width, height: 34, style, scale: scales[key], label: `${label} ${text}` }) : h('span', { class: 'none' }, '–'));
  return card('Ten experts', h('ol', { class: 'experts' }, x.experts.map((e, i) => {
    const weight = final(e.weight);
    return h('li', { key: i, class: weight === best && best >= 0 ? 'expert best' : 'expert' },
      h('h3', {}, `Expert ${i}`, h('span', { class: 'note' }, e.scale === null ? ' linear' : ` ℓ = ${e.scale}`), weight === best && best >= 0 ? h('span', { class: 'star' }, '★ most') : null),
      row('loss', e.loss, x.x, 'loss', 'k0', f.loss(final(e.loss))),
      row('routing weight', e.weight, x.weight_x, 'weight', 'k2', f.percent(weight, false)),
      row('learning rate', e.rate, x.rate_x, 'rate', 'k1', f.loss(final(e.rate))));
  })), { wide: true, note: `All experts share each row’s scale. ${x.judged ? 'Routing weights are of the new clients.' : 'Routing weights follow from the domain’s losses.'} ℓ: how far an expert sees. The learning rate is the geometric mean over weights.` });
}

function transferCard(data) {
  const t = data.transfer;
  const rows = Object.entries(t.starts).sort((a, b) => a[1][0] - b[1][0]);
  const high = Math.max(...rows.map((r) => r[1][0]), 1e-12);
  return card('What transfer gave', [
    h('ul', { class: 'facts' },
      t.learned !== null && h('li', {}, h('span', {}, 'typical loss now, to the default start'), h('b', {}, `${f.loss(t.now_loss)} (${f.percent(t.learned)})`)),
      t.chosen && h('li', {}, h('span', {}, 'start that was chosen'), h('b', {}, t.chosen)),
      t.gain !== null && h('li', {}, h('span', {}, 'its loss, to the default start'), h('b', { class: t.gain <= 0 ? 'good-text' : 'bad-text' }, f.percent(t.gain)))),
    rows.length ? h('ul', { class: 'bars' }, rows.map(([name, [loss, many]]) => h('li', { key: name },
      h('span', { class: 'bar-label' }, name === t.chosen ? '★ ' : '', name, h('span', { class: 'note' }, ` ${f.count(many)} clients`)),
      h('span', { class: 'bar' }, h('i', { class: name === t.chosen ? 'k2' : 'k7', style: { width: `${Math.max(1, loss / high * 100)}%` } })), h('b', {}, f.loss(loss)))))
      : h('p', { class: 'soft' }, t.chosen && t.chosen !== 'default' ? 'The topics no longer hold what the first clients told of the starts.' : 'No other domain had anything to try when this one began.'),
  ], { note: rows.length ? 'The first clients try each start; the best by median wins. Median loss of each:' : '' });
}

function privacyCard(data) {
  const p = data.privacy;
  const meaning = {
    open: 'The data are public: nothing is hidden from the server but the rows.',
    budget: 'Each client bounds how many numbers it publishes of its rows: a quarter of what it holds.',
    dp: 'Noise is added, and an accountant counts what it cost.',
    secagg: 'The server sees sums only.',
  };
  const total = p.spent.reduce((sum, n) => sum + n, 0);
  return card('Privacy spent', [
    h('p', {}, badge(p.mode), ' ', h('span', { class: 'soft' }, meaning[p.mode] || '')),
    p.epsilon !== null && h('div', { class: 'meter-row' }, h('span', {}, `ε ${f.loss(p.epsilon)} of at most ${f.loss(p.epsilon_limit)}, δ ${p.delta}`),
      h('meter', { min: 0, max: p.epsilon_limit, value: p.epsilon, 'aria-label': 'epsilon spent' })),
    total > 0 && [h('p', { class: 'soft' }, 'Clients by the share of their budget that is leased:'),
      columns(p.spent.map((value, i) => ({ label: i === p.spent.length - 1 ? '90+' : `${i * 10}`, value, style: i >= 8 ? 'k3' : 'k0' })), { width: column(2, 420), height: 150, title: 'Clients by share of budget in per cent' })],
    h('ul', { class: 'facts' },
      h('li', {}, h('span', {}, 'clients that publish losses only'), h('b', {}, f.count(p.losses_only))),
      h('li', {}, h('span', {}, 'clients that publish nothing more'), h('b', {}, f.count(p.silent)))),
  ]);
}

function stalenessCard(data) {
  const counts = data.staleness;
  return card('Staleness', counts.some((n) => n) ? columns(counts.map((value, i) => ({ label: i === counts.length - 1 ? `${i}+` : String(i), value })), { width: column(2, 420), height: 200, title: 'Clients by versions behind' }) : empty('No insight names a version yet.'),
    { note: 'Clients in the memory, by how many versions their latest insight is behind.' });
}

function phasesCard(data) {
  const parts = PHASES.filter((p) => p in data.phases).map((p) => ({ label: p, value: data.phases[p], style: PHASE_STYLE[p] }));
  if (!parts.length) return null;
  return card('The last round', [
    shares(parts, { width: column(2, 420), title: 'Seconds by phase', format: f.seconds }),
    h('ul', { class: 'facts' }, parts.map((p) => h('li', { key: p.label }, h('span', {}, h('i', { class: `dot-${p.style} square` }), p.label), h('b', {}, f.seconds(p.value))))),
  ]);
}

export const domain = {
  title: (data) => data.name || 'Domain',
  ask: (at, status) => ({ domain: at.parts[0] || status?.domains?.[0] || '' }),
  draw(data) {
    const names = data.status.domains;
    if (!data.name && names.length) { queueMicrotask(() => go(link('domain', names[0]))); return [head('Domain'), empty('…')]; }
    const pick = names.length > 0 && choice('pick', 'Domain', data.name, (names.includes(data.name) ? names : [data.name, ...names]).map((n) => [n, n]), (n) => go(link('domain', n)));
    if (!data.known) return [head(data.name || 'Domain', h('div', { class: 'fields' }, pick)), empty('No topic tells of this domain.')];
    const facts = data.facts, e = data.evaluations, now = data.loss.smooth.at(-1);
    const change = f.change(now, data.loss.start);
    return [
      head(data.name, phase(data.phase), h('div', { class: 'fields' }, pick)),
      data.profile && h('p', { class: 'soft about' }, `Family ${data.profile.family || '–'} · ${data.profile.columns} column${data.profile.columns === 1 ? '' : 's'} · privacy ${data.profile.privacy} · rounds close by ${data.profile.mode === 'async' ? `buffer of ${data.profile.buffer}` : data.profile.mode === 'deadline' ? `deadline of ${f.seconds(data.profile.deadline_s)}` : `quorum of ${f.percent(data.profile.quorum, false)}`} · `,
        h('a', { href: link('gossip', data.name) }, 'gossip'), ' · ', h('a', { href: `#/clients?domain=${encodeURIComponent(data.name)}` }, 'clients'), ' · ', h('a', { href: `#/audit?domain=${encodeURIComponent(data.name)}` }, 'ledger')),
      facts.waiting && h('p', { class: 'hint' }, `Some clients wait for peers: ${facts.waiting}`),
      tiles(
        tile('Round', facts.round < 0 ? '–' : f.count(facts.round), facts.reverted ? `${f.count(facts.reverted)} steps taken back` : 'no step taken back'),
        tile('Clients active', f.count(facts.active), `of ${f.count(facts.heard)} heard`),
        tile('Loss', f.loss(now), change === null ? '' : `${f.percent(change)} since the start`, { tone: change === null ? '' : change <= 0 ? 'good-text' : 'bad-text' }),
        tile('New clients', f.loss(e.routed.at(-1)), e.gain === null ? 'not evaluated' : `${f.percent(e.gain)} to their own best`, { tone: e.gain === null ? '' : e.gain < 0 ? 'good-text' : 'bad-text' }),
        tile('Insights a second', f.rate(facts.rate), `${f.count(facts.insights)} so far`),
        tile('Insight to parameters', f.ms(facts.p50_ms), `99 % within ${f.ms(facts.p99_ms)}`),
        tile('Step size', f.percent(facts.step_scale, false), 'after the gate'),
        facts.marked || facts.repairs ? tile('Marked clients', f.count(facts.marked), `${f.count(facts.repairs)} repairs`, { tone: 'bad-text' }) : null,
      ),
      h('div', { class: 'grid-2' }, lossCard(data), newcomersCard(data)),
      expertCards(data),
      h('div', { class: 'grid-2' }, transferCard(data), privacyCard(data), stalenessCard(data), phasesCard(data)),
    ];
  },
};
