// Figures for people. A figure that is not known is a dash.
const NONE = '–';
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export function count(value) {
  if (!known(value)) return NONE;
  return Math.abs(value) < 1e6 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

export function rate(value) {
  if (!known(value)) return NONE;
  return value < 10 ? value.toFixed(1) : count(value);
}

export function loss(value) {
  if (!known(value)) return NONE;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000) return value.toExponential(1);
  if (size >= 1) return value.toFixed(2);
  if (size >= 0.1) return value.toFixed(3);
  if (size >= 0.001) return value.toFixed(4);
  return value.toExponential(1);
}

export function percent(share, signed = true) {
  if (!known(share)) return NONE;
  const value = share * 100;
  const text = Math.abs(value) >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1);
  return `${signed && value > 0 ? '+' : ''}${text.replace('-', '−')} %`;
}

export function ms(value) {
  if (!known(value)) return NONE;
  if (value < 1000) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return seconds(value / 1000);
}

export function seconds(value) {
  if (!known(value)) return NONE;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 90) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 172800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86400)} days`;
}

export function ago(thenMs, nowMs) {
  if (!thenMs) return NONE;
  const passed = Math.max(0, nowMs - thenMs) / 1000;
  return passed < 2 ? 'now' : `${seconds(Math.round(passed))} ago`;
}

const LATEST_MS = 4e12; // beyond, a date is no date

export function clock(atMs) {
  if (!(atMs > 0 && atMs < LATEST_MS)) return NONE;
  return new Date(atMs).toISOString().slice(11, 19);
}

export function date(atMs) {
  if (!(atMs > 0 && atMs < LATEST_MS)) return NONE;
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
}

export function bytes(value) {
  if (!known(value)) return NONE;
  return value < 10000 ? `${count(value)} bytes` : `${(value / 1024).toFixed(0)} KiB`;
}

export const short = (hash) => (hash ? hash.slice(0, 10) : 'none');

// The change from `before` to `now` as a share; null when it cannot be said.
export const change = (now, before) => (known(now) && known(before) && before > 0 ? now / before - 1 : null);
export { known, NONE };
