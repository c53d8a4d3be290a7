import type { LaunchSpec } from './launch.js';

/** What the file says beside the launch, for an agent that comes after this one. */
export interface SpecNote {
  /** User and system time of what the launcher waited for before, ms. */
  readonly spentMs: number;
  /** Epoch ms. */
  readonly startedAt: number;
}

/** Strings ended by NUL: directory, number of variables, a note, variables as NAME=value, arguments. */
export function specText(spec: LaunchSpec, { spentMs, startedAt }: SpecNote): string {
  const parts: string[] = [spec.cwd, String(spec.env.length), `${spentMs} ${startedAt}`];
  for (const [name, value] of spec.env) parts.push(`${name}=${value}`);
  for (const argument of spec.argv) parts.push(argument);
  return `${parts.join('\0')}\0`;
}

/** The note and the variables; null when it is not all there. */
export function parseSpec(text: string): (SpecNote & { readonly env: ReadonlyMap<string, string> }) | null {
  const [, count, note, ...rest] = text.split('\0');
  const match = /^(\d+) (\d+)$/.exec(note ?? '');
  const length = Number(count);
  // After the last NUL comes nothing, and there is an argument at least.
  if (match === null || !(length >= 0) || rest.length < length + 2) return null;
  const env = new Map<string, string>();
  for (const variable of rest.slice(0, length)) {
    const at = variable.indexOf('=');
    env.set(variable.slice(0, at), variable.slice(at + 1));
  }
  return { spentMs: Number(match[1]), startedAt: Number(match[2]), env };
}
