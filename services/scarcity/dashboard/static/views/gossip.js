import { h } from '../dom.js';
import { shape, timeColumns } from '../charts.js';
import * as f from '../format.js';
import { card, choice, column, empty, head, layout, link, tile, tiles } from '../ui.js';
import { go } from '../actions.js';

function ring(group, number, domain, size) {
  const members = group.members, middle = size / 2, radius = size * 0.36;
  const place = members.map((_, i) => {
    const angle = 2 * Math.PI * i / members.length - Math.PI / 2;
    return [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)];
  });
  const out = new Set(group.evicted.map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`));
  return h('li', { key: number, class: 'ring' },
    h('svg', { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: 'group', 'aria-label': `Group ${number}: ${members.length} clients, ${group.pairs.length} exchanges, ${group.evicted.length} left out` },
      group.pairs.map(([a, b]) => {
        const evicted = out.has(`${a}-${b}`);
        return h('path', { class: evicted ? 'edge out' : 'edge', d: `M${place[a][0].toFixed(1)} ${place[a][1].toFixed(1)}L${place[b][0].toFixed(1)} ${place[b][1].toFixed(1)}` });
      }),
      group.evicted.map(([a, b]) => {
        const x = place[a][0] * 0.6 + place[b][0] * 0.4, y = place[a][1] * 0.6 + place[b][1] * 0.4;
        return h('path', { class: 'cross', d: `M${x - 4} ${y - 4}l8 8M${x + 4} ${y - 4}l-8 8` }, h('title', {}, `${members[a]} leaves ${members[b]} out`));
      }),
      members.map((name, i) => h('a', { href: link('client', domain, name), 'aria-label': name, key: name },
        h('path', { class: 'node', d: shape('circle', place[i][0], place[i][1], 7) }), h('title', {}, name))),
      h('text', { class: 'tick mid', x: middle, y: size - 4 }, `group ${number}`)));
}

export const gossip = {
  title: () => 'Gossip',
  ask: (at) => ({ domain: at.parts[0] || '' }),
  draw(data) {
    const names = Object.keys(data.domains);
    const fields = names.length > 0 && h('div', { class: 'fields' }, choice('pick', 'Domain', data.name, names.map((n) => [n, n]), (n) => go(link('gossip', n))));
    if (!data.known) return [head('Gossip', fields), empty('No topic tells of this domain.')];
    const groups = Object.entries(data.groups);
    const narrow = layout.width < 520;
    const size = narrow ? (groups.length > 2 ? Math.floor((layout.width - 44) / 2) : 240) : groups.length > 12 ? 150 : groups.length > 4 ? 190 : 250;
    const kinds = [{ at: 2, label: 'evictions', style: 'k3' }, { at: 3, label: 're-admissions', style: 'k2' }];
    const keys = (list) => h('ul', { class: 'legend' }, list.map((k) => h('li', { key: k.label }, h('i', { class: `dot-${k.style} square` }), k.label)));
    return [
      head('Gossip', fields),
      tiles(
        tile('Cycle', f.count(data.cycle), data.name),
        tile('Groups', f.count(data.group_count), data.group_count > groups.length ? `${groups.length} drawn` : 'in this cycle'),
        tile('Exchanges', f.count(data.exchanges), 'so far'),
        tile('Evictions', f.count(data.evictions), 'peers left out after they hurt'),
        tile('Re-admissions', f.count(data.readmissions), 'let in again'),
        tile('Left out now', f.count(data.left_out), 'pairs'),
        tile('Waiting', f.count(data.waiting_count), data.waiting_count ? 'without peers' : 'nobody'),
      ),
      card('Who trades priors with whom', [
        groups.length ? h('ul', { class: 'rings', style: { '--ring': `${size}px` } }, groups.map(([number, group]) => ring(group, number, data.name, size))) : empty('No group in this cycle.'),
        data.waiting_count > 0 && h('p', { class: 'soft' }, `${f.count(data.waiting_count)} wait${data.waiting_count === 1 ? 's' : ''}${data.reason ? ` (${data.reason})` : ''}: ${data.waiting.slice(0, 12).join(', ')}${data.waiting_count > 12 ? ' …' : ''}`),
        h('ul', { class: 'legend' },
          h('li', {}, h('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, h('path', { class: 'node', d: shape('circle', 13, 5, 4.5) })), 'client'),
          h('li', {}, h('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, h('path', { class: 'edge', d: 'M1 5H25' })), 'exchange'),
          h('li', {}, h('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, h('path', { class: 'edge out', d: 'M1 5H25' }), h('path', { class: 'cross', d: 'M9 1l8 8M17 1l-8 8' })), 'left out')),
      ], { wide: true, note: 'Peers trade how their priors deviate from the server’s; nobody else can read it where it is sealed. Groups are drawn anew each cycle.' }),
      h('div', { class: 'grid-2' },
        card('Evictions and re-admissions over time', [timeColumns(data.timeline.filter((b) => b[2] || b[3]), kinds, { width: column(2, 420), widthMs: data.width_ms, title: 'Evictions and re-admissions over time', clock: f.clock }), data.timeline.some((b) => b[2] || b[3]) && keys(kinds)],
          { note: 'As far back as the compacted topic still tells when.' }),
        card('Exchanges over time', timeColumns(data.timeline.filter((b) => b[1]), [{ at: 1, label: 'exchanges', style: 'k0' }], { width: column(2, 420), widthMs: data.width_ms, title: 'Exchanges over time', clock: f.clock }),
          { note: `Columns of ${f.seconds(data.width_ms / 1000)}.` })),
      names.length > 1 && card('All domains', h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Gossip of all domains' }, h('table', {},
        h('thead', {}, h('tr', {}, ['Domain', 'Exchanges', 'Evictions', 'Re-admissions'].map((t, i) => h('th', { scope: 'col', class: i ? 'number' : '' }, t)))),
        h('tbody', {}, Object.entries(data.domains).map(([name, counts]) => h('tr', { key: name },
          h('th', { scope: 'row' }, h('a', { href: link('gossip', name) }, name)), counts.map((c) => h('td', { class: 'number' }, f.count(c)))))))), { wide: true }),
    ];
  },
};
