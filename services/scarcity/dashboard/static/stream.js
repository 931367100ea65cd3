// One page's document, kept up to date by server-sent events; see dashboard/deltas.py.

// Keys come from topics: without a prototype no key means anything but itself.
const bare = (object) => Object.assign(Object.create(null), object);

export function apply(old, change) {
  if ('v' in change) return change.v;
  if ('s' in change) return old.slice(0, change.s[0]).concat(change.s[1]);
  const made = bare(old);
  for (const key of change.d || []) delete made[key];
  for (const key of Object.keys(change.m || {})) made[key] = apply(old[key], change.m[key]);
  return made;
}

const SILENT_MS = 25000; // the server says something every 10 s
const LONGEST_MS = 8000;

// Follows a page until closed. `tell(document)` on every change, `say(state)` when the connection
// comes (`live`) or goes (`lost`).
export class Stream {
  constructor(address, tell, say) {
    this.address = address;
    this.tell = tell;
    this.say = say;
    this.last = '';
    this.document = null;
    this.delay = 500;
    this.closed = false;
    this.open();
  }

  open() {
    if (this.closed) return;
    const url = new URL(this.address, location.origin);
    if (this.last && this.document) url.searchParams.set('last', this.last);
    const source = new EventSource(url);
    this.source = source;
    this.heard();
    source.addEventListener('whole', (event) => this.take(event, () => JSON.parse(event.data)));
    source.addEventListener('change', (event) => this.take(event, () => apply(this.document, JSON.parse(event.data))));
    source.onopen = () => { this.delay = 500; this.say('live'); this.heard(); };
    source.onerror = () => this.again();
  }

  take(event, make) {
    this.heard();
    try {
      this.document = make();
      this.last = event.lastEventId;
    } catch {
      // What was sent does not fit what is here: ask for the whole.
      this.last = '';
      this.again();
      return;
    }
    this.tell(this.document);
  }

  heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again(), SILENT_MS);
  }

  again() {
    if (this.closed || this.paused) return;
    this.source.close();
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.say('lost');
    this.timer = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(2 * this.delay, LONGEST_MS);
  }

  // A page that nobody looks at needs no stream, and a browser has only six to a server.
  pause() {
    if (this.closed || this.paused) return;
    this.paused = true;
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.source.close();
  }

  resume() {
    if (this.closed || !this.paused) return;
    this.paused = false;
    this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.silence);
    clearTimeout(this.timer);
    this.source.close();
  }
}
