/** What a launcher shell says of an end. */
export interface EndText {
  /** How much of the text it is. */
  readonly length: number;
  readonly code: number | null;
  readonly signal: number | null;
  /** User and system time of all that the launcher ever waited for, ms. */
  readonly cpuMs: number;
}

/** Null while it is not all there: a line `e CODE SIGNALLED` and two of `times`. */
export function parseEnd(text: string): EndText | null {
  const match = /^e (\d+) (\d)\n.*\n(\S+) (\S+)\n/.exec(text);
  if (match === null) return null;
  const [all, status, signalled, user, system] = match;
  const isSignal = signalled === '1';
  return {
    length: all.length,
    code: isSignal ? null : Number(status),
    signal: isSignal ? Number(status) - 128 : null,
    cpuMs: clockMs(user!) + clockMs(system!),
  };
}

/** `0m1.234s` of the shell's `times`. */
function clockMs(text: string): number {
  const match = /^(\d+)m([\d.]+)s$/.exec(text);
  return match === null ? 0 : Math.round(Number(match[1]) * 60_000 + Number(match[2]) * 1_000);
}
