/** A duration as text with its unit (`'250ms'`, `'30s'`, `'5m'`, `'1h30m'`), or a number of milliseconds. */
export type Duration = string | number;

const FORM =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000, 1];

/** Whole milliseconds; throws a RangeError for anything else than a duration. */
export function durationMs(duration: Duration): number {
  if (typeof duration === 'number') {
    if (duration >= 0) return duration;
    throw new RangeError(`a duration is not negative: ${String(duration)}`);
  }
  const match = FORM.exec(duration.trim());
  const parts = match?.slice(1) ?? [];
  if (parts.every((part) => part === undefined)) {
    throw new RangeError(
      `not a duration: ${JSON.stringify(duration)}; write it with its unit, as in '30s' or '1h30m'`,
    );
  }
  return Math.round(
    parts.reduce((sum, part, i) => sum + (part === undefined ? 0 : Number(part) * (UNITS_MS[i] ?? 0)), 0),
  );
}
