// The page: which view is shown, its stream, what is said about freshness, the theme.
import { h, render } from './dom.js';
import { onCursor, cursors } from './charts.js';
import { Stream } from './stream.js';
import { layout } from './ui.js';
import * as format from './format.js';
import { onSay } from './actions.js';
import { overview } from './views/overview.js';
import { domain } from './views/domain.js';
import { gossip } from './views/gossip.js';
import { memory } from './views/memory.js';
import { clients } from './views/clients.js';
import { client } from './views/client.js';
import { audit } from './views/audit.js';
import { deadLetters } from './views/dead-letters.js';

const VIEWS = { overview, domain, gossip, memory, clients, client, audit, 'dead-letters': deadLetters };
const MENU = [
  ['overview', 'Overview', 'M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z'],
  ['domain', 'Domain', 'M3 20h18M4 16l5-6 4 3 7-9'],
  ['gossip', 'Gossip', 'M12 5.500a2.5 2.5 0 1 0 0-.01M5 18.500a2.500 2.500 0 1 0 0-.01M19 18.500a2.500 2.500 0 1 0 0-.01M11 8l-5 8M13 8l5 8M8 18.500h8'],
  ['memory', 'Memory', 'M4 5h16v4H4zM4 10h16v4H4zM4 15h16v4H4z'],
  ['clients', 'Clients', 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21c0-4 3-7 7-7s7 3 7 7M16 4a4 4 0 0 1 0 7M18 14c3 1 4 4 4 7'],
  ['audit', 'Audit', 'M10 14l4-4M8 12l-3 3a4 4 0 0 0 5 5l3-3M16 12l3-3a4 4 0 0 0-5-5l-3 3'],
  ['dead-letters', 'Dead letters', 'M3 6h18v12H3zM3 7l9 7 9-7'],
];
const main = document.getElementById('main');
let stream = null, shown = null, connection = 'opening', lostAt = 0, last = null;

// #/name/a/b?x=1 -> {name, parts, query}
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  const name = parts.shift() || 'overview';
  return { name: VIEWS[name] ? name : 'overview', parts, query: new URLSearchParams(query || '') };
}

function address(at) {
  const asked = VIEWS[at.name].ask(at, last?.status);
  const url = new URL(`/events/${at.name}`, location.origin);
  for (const [key, value] of Object.entries(asked)) if (value) url.searchParams.set(key, value);
  return url.pathname + url.search;
}

function open(moved) {
  const at = route();
  const wanted = address(at);
  if (shown && shown.address === wanted) { shown.at = at; draw(); return; }
  stream?.close();
  const sameView = shown?.at.name === at.name;
  if (!sameView) cursors.clear();
  // What was asked for before stays until the answer comes: a search keeps its field.
  shown = { at, address: wanted, document: sameView ? shown.document : null };
  const mine = shown;
  stream = new Stream(wanted, (document) => {
    mine.document = document;
    last = document;
    connection = 'live';
    soon();
  }, (state) => {
    if (state === 'lost' && connection !== 'lost') lostAt = Date.now();
    connection = state;
    soon();
  });
  if (!sameView) { main.scrollTop = 0; window.scrollTo(0, 0); }
  if (moved && !sameView) main.focus({ preventScroll: true });
  draw();
}

let queued = false;
function soon() {
  if (queued) return;
  queued = true;
  // A hidden page gets no frames; it need not draw.
  requestAnimationFrame(() => { queued = false; draw(); });
}

function draw() {
  const { at, document: data } = shown;
  const view = VIEWS[at.name];
  const style = getComputedStyle(main);
  layout.width = Math.max(260, Math.floor(main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
  drawMenu(at);
  drawFreshness();
  if (data) {
    render(main, h('div', { key: at.name, class: `view ${at.name}` }, view.draw(data, at)));
    document.title = `${view.title(data)} · scarcity`;
  } else {
    render(main, h('p', { class: 'loading', key: 'loading' }, 'Reading …'));
  }
}

function drawMenu(at) {
  const open = at.name === 'client' ? 'clients' : at.name;
  render(document.getElementById('nav'), MENU.map(([name, label, icon]) => h('li', { key: name },
    h('a', { href: `#/${name}`, 'aria-current': name === open ? 'page' : undefined },
      h('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, h('path', { d: icon.replaceAll('.500', '.5') })), h('span', {}, label)))));
}

function drawFreshness() {
  const status = last?.status;
  const lost = connection === 'lost';
  const away = status && status.away_since_ms > 0;
  let tone = 'good', text = 'live', note = '';
  if (lost) [tone, text] = ['bad', 'no connection'];
  else if (!status) [tone, text] = ['wait', 'connecting'];
  else if (status.trouble) [tone, text] = ['bad', 'cannot read'];
  else if (away) [tone, text] = ['bad', 'broker away'];
  else if (!status.caught_up) [tone, text, note] = ['wait', 'catching up', `${format.count(status.records)} records`];
  else if (status.behind_ms !== null) note = `${format.ms(status.behind_ms)} behind`;
  render(document.getElementById('freshness'), [
    h('span', { class: `pill ${tone}`, title: 'How far this page is behind the topics' },
      h('i', { 'aria-hidden': 'true' }), text, note && h('span', { class: 'note' }, note))]);
  const alerts = [];
  if (lost) alerts.push(`The dashboard’s server does not answer since ${format.clock(lostAt)} UTC; trying again. What is shown is from before.`);
  else if (status?.trouble) alerts.push(`The topics cannot be read: ${status.trouble}. Trying again.`);
  else if (away) alerts.push(`The broker ${status.servers} does not answer since ${format.clock(status.away_since_ms)} UTC; waiting for it. What is shown is from before.`);
  render(document.getElementById('alerts'), alerts.map((a) => h('p', { class: 'alert', key: a }, h('b', { 'aria-hidden': 'true' }, '▲ '), a)));
}

function themeButton() {
  const root = document.documentElement;
  const button = document.getElementById('theme');
  const dark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches);
  const show = () => {
    button.setAttribute('aria-label', dark() ? 'Use the light theme' : 'Use the dark theme');
    render(button, h('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
      h('path', { d: dark() ? 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M5 19l1.500-1.500M17.500 6.500 19 5'.replaceAll('.500', '.5') : 'M20 14A8.500 8.500 0 0 1 10 4a8 8 0 1 0 10 10z'.replaceAll('.500', '.5') })));
  };
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.setItem('scarcity-theme', root.dataset.theme); } catch { /* not kept */ }
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  show();
}

document.querySelector('.skip').addEventListener('click', (event) => { event.preventDefault(); main.focus(); });
window.addEventListener('hashchange', () => open(true));
let leaving = 0;
document.addEventListener('visibilitychange', () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(() => stream?.pause(), 20000);
  else stream?.resume();
});
new ResizeObserver(soon).observe(main);
onCursor(soon);
onSay(soon);
themeButton();
open(false);
