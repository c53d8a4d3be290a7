import { err, ok, type Result } from '@yardmaster/kernel';

/** How the text of an amount is read, by dimension. */
export type Unit = 'thousandths' | 'bytes' | 'bits' | 'count';

const TEACH: Readonly<Record<Unit, string>> = {
  thousandths: 'write whole units or thousandths, as in 2, "0.5" or "500m"',
  bytes: 'write bytes or a unit, as in 1048576, "512Mi", "512MB" or "4G"',
  bits: 'write bits per second or a unit, as in 1000000, "100M" or "1Gbit"',
  count: 'write a whole number, as in 1 or "500"',
};

const POWERS: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const BINARY: Readonly<Record<string, number>> = {
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const FORM: Readonly<Record<Unit, RegExp>> = {
  thousandths: new RegExp(`^${NUMBER}(m?)$`),
  bytes: new RegExp(`^${NUMBER} ?([KMGTP]i|[kKMGTP]|)B?$`),
  bits: new RegExp(`^${NUMBER} ?([kKMGTP]?)(?:bit/s|bit|bps)?$`),
  count: new RegExp(`^${NUMBER}$`),
};

/** Reads one amount into its canonical unit. The error says which forms are allowed. */
export function parseAmount(unit: Unit, input: unknown): Result<number, string> {
  const teach = TEACH[unit];
  if (typeof input === 'number') {
    if (Number.isNaN(input)) return err(`not a number: ${teach}`);
    if (input < 0) return err(`${input} is negative: ${teach}`);
    return canonical(unit, unit === 'thousandths' ? input * 1_000 : input, String(input));
  }
  if (typeof input !== 'string')
    return err(`${input === null ? 'null' : typeof input} is not an amount: ${teach}`);
  const text = input.trim();
  const quoted = JSON.stringify(text.slice(0, 40));
  if (text.startsWith('-')) return err(`${quoted} is negative: ${teach}`);
  const match = text.length > 40 ? null : FORM[unit].exec(text);
  if (match === null) return err(`${quoted} is not an amount: ${teach}`);
  const value = Number(match[1]);
  const suffix = match[2] ?? '';
  if (unit === 'thousandths') return canonical(unit, suffix === 'm' ? value : value * 1_000, quoted);
  return canonical(unit, value * (BINARY[suffix] ?? POWERS[suffix] ?? 1), quoted);
}

function canonical(unit: Unit, amount: number, given: string): Result<number, string> {
  // 0.1 * 1000 is not quite 100: what is a hair from whole is whole.
  const whole = Math.round(amount);
  if (!Number.isSafeInteger(whole)) return err(`${given} is too large`);
  const isWhole = Math.abs(amount - whole) <= 1e-6 * Math.max(1, whole);
  if (isWhole) return ok(whole);
  if (unit === 'thousandths') return err(`${given} is finer than a thousandth: ${TEACH[unit]}`);
  if (unit === 'count') return err(`${given} is not whole: ${TEACH[unit]}`);
  return ok(Math.ceil(amount));
}
