import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isAlive } from '../attempt/process-table.js';
import { isCondemned } from '../launch/condemned.js';
import { parseSpec, type SpecNote } from '../launch/spec-text.js';

/** An attempt of an earlier agent that this one can go on with. */
export interface Adoptable {
  readonly name: string;
  readonly tenant: number;
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  /** Epoch ms: its cap. */
  readonly deadline: number;
  readonly note: SpecNote;
  /** Of its slot. */
  readonly dir: string;
  /** Leads its process group; null when it has ended. */
  readonly pid: number | null;
}

/** Of an attempt: tenant, task, attempt, fence. */
export const NAME = /^(\d+)-(\d+)-(\d+)-(\d+)$/;
/** A launcher needs a moment between the end of an attempt and telling it, and before it begins one. */
const LOOKS = 10;
const LOOK_AGAIN_MS = 50;

/**
 * What may go on of a run that was cut short: its launcher is there to tell how it ends and holds what it wrote, nobody was
 * ending it, and until this agent has been heard the warden of the earlier one ends it in time.
 */
export async function findAdoptable(run: string): Promise<Adoptable[]> {
  if (existsSync(join(run, 'over')) || !hasWarden(run)) return [];
  const found: Adoptable[] = [];
  let open = listOf(join(run, 'slots')).map((slot) => join(run, 'slots', slot));
  for (let k = 0; k < LOOKS && open.length > 0; k++) {
    if (k > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    const undecided: string[] = [];
    for (const dir of open) {
      const seen = look(run, dir);
      if (seen === 'undecided') undecided.push(dir);
      else if (seen !== null) found.push(seen);
    }
    open = undecided;
  }
  return found;
}

/** The launcher of a slot runs what leads this group: so it is an attempt, and no stranger that was given its number. */
export function isOfLauncher(pid: number, dir: string): boolean {
  const stat = textOf(`/proc/${pid}/stat`) ?? '';
  const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  return Number(parent) > 1 && (textOf(`/proc/${parent!}/cmdline`) ?? '').includes(`\0${dir}/spec\0`);
}

/** What the slot's file says of the process group that runs in it. */
export function groupOf(dir: string): number | null {
  const pid = Number((textOf(join(dir, 'group')) ?? '').split('\n', 1)[0]);
  return pid > 1 ? pid : null;
}

function look(run: string, dir: string): Adoptable | 'undecided' | null {
  const spec = parseSpec(textOf(join(dir, 'spec')) ?? '');
  if (spec === null || isCondemned(dir)) return null;
  const name = basename(spec.env.get('YARD_OUTPUT') ?? '', '.output');
  const match = NAME.exec(name);
  const deadline = Number(spec.env.get('YARD_DEADLINE'));
  // An idle launcher's file is that of an attempt which is over.
  if (match === null || !(deadline > 0) || !existsSync(join(run, 'attempts', name))) return null;
  if (!isHeld(join(dir, 'stdout')) || !isHeld(join(dir, 'stderr'))) return null;
  let pid: number | null = null;
  if (!existsSync(join(dir, 'end'))) {
    pid = groupOf(dir);
    if (pid === null || !isAlive(pid)) return 'undecided';
    if (!isOfLauncher(pid, dir) || wasEnded(run, pid)) return null;
  }
  const [tenant, task, attempt, fence] = [Number(match[1]), match[2]!, Number(match[3]), Number(match[4])];
  const note = { spentMs: spec.spentMs, startedAt: spec.startedAt };
  return { name, tenant, task, attempt, fence, deadline, note, dir, pid };
}

/** Somebody holds the reading end of a pipe: an opening for writing fails else. */
function isHeld(pipe: string): boolean {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

function wasEnded(run: string, group: number): boolean {
  return (textOf(join(run, 'ended')) ?? '').split('\n').includes(`-${group}`);
}

function hasWarden(run: string): boolean {
  return listOf('/proc').some(
    (entry) =>
      /^\d+$/.test(entry) && (textOf(`/proc/${entry}/cmdline`) ?? '').includes(`\0yard-warden\0${run}\0`),
  );
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

export function listOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
