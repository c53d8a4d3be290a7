import { err, ok, type Result } from '@yardmaster/kernel';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** Longest duration that is read: 100 years. */
export const LONGEST_MS = 36_500 * DAY_MS;

const FORMS =
  'write it with its unit, as in "90s", "5m", "2h", "1h30m", "250ms", "7d", or as ISO-8601, as in "PT5M" or "P1DT2H"';

const N = String.raw`(\d+(?:\.\d+)?)`;
const SHORT = new RegExp(`^(?:${N}d)?(?:${N}h)?(?:${N}m)?(?:${N}s)?(?:${N}ms)?$`);
const ISO = new RegExp(`^P(?:${N}W)?(?:${N}D)?(T(?:${N}H)?(?:${N}M)?(?:${N}S)?)?$`);
const CALENDAR = /^P[\d.]*[\dWD.]*[YM]/;

/** Reads a duration into whole ms. Plain numbers are refused, because their unit would be a guess. */
export function parseDuration(text: unknown): Result<number, string> {
  if (typeof text !== 'string') {
    return err(typeof text === 'number' ? `a duration needs a unit: ${FORMS}` : `not a duration: ${FORMS}`);
  }
  const trimmed = text.trim();
  if (trimmed === '') return err(`an empty duration: ${FORMS}`);
  const quoted = JSON.stringify(trimmed.slice(0, 40));
  if (/^[+-]?\d+(\.\d+)?$/.test(trimmed)) return err(`${quoted} has no unit: ${FORMS}`);
  if (trimmed.startsWith('-')) return err(`${quoted} is negative: ${FORMS}`);
  if (trimmed.length > 64) return err(`${quoted} is not a duration: ${FORMS}`);
  const ms = readShort(trimmed) ?? readIso(trimmed);
  if (ms === null) {
    const calendar = CALENDAR.test(trimmed) ? ' (years and months have no fixed length)' : '';
    return err(`${quoted} is not a duration${calendar}: ${FORMS}`);
  }
  if (ms > LONGEST_MS) return err(`${quoted} is longer than 36500d`);
  return ok(ms);
}

function readShort(text: string): number | null {
  const match = SHORT.exec(text);
  if (match === null) return null;
  return total(match, [DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, 1], [1, 2, 3, 4, 5]);
}

function readIso(text: string): number | null {
  const match = ISO.exec(text);
  if (match === null || match[3] === 'T') return null;
  return total(match, [7 * DAY_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS], [1, 2, 4, 5, 6]);
}

function total(match: RegExpExecArray, units: readonly number[], groups: readonly number[]): number | null {
  let sum = 0;
  let named = false;
  for (let i = 0; i < groups.length; i++) {
    const amount = match[groups[i]!];
    if (amount === undefined) continue;
    named = true;
    sum += Number(amount) * units[i]!;
  }
  return named ? Math.round(sum) : null;
}

/** The short form: `1h30m`, `1.5s`, `250ms`, `0s`. parseDuration reads it back to the same whole ms. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'forever';
  let left = Math.round(Math.abs(ms));
  if (left === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  if (left < SECOND_MS) return `${sign}${left}ms`;
  let text = sign;
  for (const [unit, size] of [
    ['d', DAY_MS],
    ['h', HOUR_MS],
    ['m', MINUTE_MS],
  ] as const) {
    const whole = Math.floor(left / size);
    if (whole > 0) text += `${whole}${unit}`;
    left -= whole * size;
  }
  return left > 0 ? `${text}${left / SECOND_MS}s` : text;
}
