import { formatDuration } from '@yardmaster/domain';

/** `1h30m`, `5.2s`, `250ms`: three figures at most, for reading. */
export function took(ms: number): string {
  if (ms < 1000) return `${String(Math.round(ms))}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  return formatDuration(Math.round(ms / 1000) * 1000);
}

export function between(from: string | null, to: string | null): string {
  if (from === null) return '-';
  return took((to === null ? Date.now() : Date.parse(to)) - Date.parse(from));
}

export function ago(instant: string | null): string {
  return instant === null ? '-' : `${took(Math.max(0, Date.now() - Date.parse(instant)))} ago`;
}

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

function scaled(value: number): string {
  let power = 0;
  let left = value;
  while (left >= 1024 && power < BINARY.length - 1) {
    left /= 1024;
    power++;
  }
  return `${left >= 100 || Number.isInteger(left) ? String(Math.round(left)) : left.toFixed(1)}${BINARY[power] ?? ''}`;
}

/** A resource amount in the unit that people write: cores, bytes with a prefix, counts. */
export function amount(name: string, value: number): string {
  if (name === 'cpu' || name === 'gpu') return String(Math.round(value) / 1000);
  if (name === 'memory' || name === 'disk') return scaled(value);
  return String(value);
}

export function words(map: Readonly<Record<string, unknown>>): string {
  return (
    Object.entries(map)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(',') || '-'
  );
}

/** A JSON value on one line. */
export function inline(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
