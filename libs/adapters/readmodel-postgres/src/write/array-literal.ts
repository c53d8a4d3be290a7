/** Postgres array literals, made by hand: the driver's own way is several times slower and this is where the time goes. */

const NEEDS_ESCAPE = /["\\]/;
const ESCAPED = /["\\]/g;
const NUL = /\0/g;

/** `{1,2,NULL}` */
export function numbers<T>(rows: readonly T[], of: (row: T) => number | string | null): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) literal += ',';
    literal += String(of(rows[i] as T) ?? 'NULL');
  }
  return `${literal}}`;
}

export function booleans<T>(rows: readonly T[], of: (row: T) => boolean | null): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) literal += ',';
    const value = of(rows[i] as T);
    literal += value === null ? 'NULL' : value ? 't' : 'f';
  }
  return `${literal}}`;
}

/** Any text; what Postgres can't hold (U+0000) becomes U+FFFD. */
export function texts<T>(rows: readonly T[], of: (row: T) => string | null): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) literal += ',';
    const value = of(rows[i] as T);
    literal += value === null ? 'NULL' : quoted(value);
  }
  return `${literal}}`;
}

function quoted(value: string): string {
  const safe = value.includes('\0') ? value.replace(NUL, '\uFFFD') : value;
  return NEEDS_ESCAPE.test(safe) ? `"${safe.replace(ESCAPED, '\\$&')}"` : `"${safe}"`;
}

/** ISO times of the same envelope are the same text, and most neighbours share their envelope. */
export class Instants {
  #ms = Number.NaN;
  #text = '';

  readonly of = (ms: number | null): string | null => {
    if (ms === null) return null;
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#text = isoTime(ms);
    }
    return this.#text;
  };
}

const LATEST_MS = 8.64e15;

export function isoTime(ms: number): string {
  return new Date(Math.min(LATEST_MS, Math.max(0, Math.trunc(ms) || 0))).toISOString().replace(/^\+0*/, '');
}
