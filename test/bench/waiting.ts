import { readFileSync } from 'node:fs';
import { Yard, YardApiError } from '@yardmaster/sdk';
import { useOf, YardProcess } from '../support/yard-process.ts';
import { settled } from './at-rest.ts';
import { noops } from './load.ts';
import { print } from './measure.ts';
import { checked, pause, type Plan } from './plan.ts';

const AT_ONCE = 20_000;
const SETTLE_LOOK_MS = 5_000;
/** V8 gives back what a burst left behind when a process has become quiet, or else this long after its last collection, in some rounds. */
const V8_LOOKS = 24;
/** Settled when after that nothing more was given back for so many looks. */
const CALM_LOOKS = 24;
const MAX_SETTLE_LOOKS = 120;

/**
 * `memory.waiting.1m`, `restart.waiting.1m`: a million tasks that nobody works on; the memory of the yard's process when the collector
 * has had its time, and how long it is from a start after kill -9 until the next submission is accepted.
 */
export async function benchWaiting(plan: Plan): Promise<void> {
  if (!plan.wants('memory.waiting') && !plan.wants('memory.waiting.1m') && !plan.wants('restart.waiting.1m'))
    return;
  const n = plan.quick ? 100_000 : 1_000_000;
  let process = await YardProcess.start();
  const { home } = process;
  try {
    await settled(process);
    const idleMb = useOf(process.pid).rssMb;
    const ids = await submitted(process, n);
    const rssMb = await settledRss(process.pid);
    print({
      name: 'memory.waiting.1m',
      unit: 'MB',
      n,
      values: [rssMb],
      more: {
        idle: Math.round(idleMb),
        peak: Math.round(peakMb(process.pid)),
        bytesPerTask: Math.round(((rssMb - idleMb) * 1024 * 1024) / n),
      },
    });
    const seconds: number[] = [];
    for (let run = 0; run < Math.min(plan.runs, 3); run++) {
      await process.end('SIGKILL');
      const began = performance.now();
      process = await YardProcess.start({}, home);
      await stillWaits(process, ids);
      seconds.push((performance.now() - began) / 1_000);
      await settled(process);
    }
    const after = await settledRss(process.pid);
    print({
      name: 'restart.waiting.1m',
      unit: 's',
      n,
      values: seconds,
      more: { rssAfter: Math.round(after) },
    });
  } finally {
    await process.stop();
  }
}

/** Some ids of a load of `n`: the first and the last of each part. */
async function submitted({ url, token }: YardProcess, n: number): Promise<string[]> {
  const yard = new Yard({ url, token });
  const ids: string[] = [];
  try {
    for (let left = n; left > 0;) {
      const count = Math.min(AT_ONCE, left);
      const items = await yard.tasks
        .submitMany(noops(count, 'nobody-offers-this', 'waiting'))
        .then(checked)
        .catch(isBusy);
      if (items === null) {
        // A yard that has no time for an answer on a busy machine; what of it was accepted is there beside the million.
        await pause(1_000);
        continue;
      }
      for (const item of [items[0], items.at(-1)]) if (item?.ok === true) ids.push(item.task.id);
      left -= count;
    }
    return ids;
  } finally {
    await yard.close();
  }
}

function isBusy(error: unknown): null {
  if (error instanceof YardApiError && error.status === 503) return null;
  throw error;
}

/** A new submission is accepted, and those of before are there. */
async function stillWaits({ url, token }: YardProcess, ids: readonly string[]): Promise<void> {
  const yard = new Yard({ url, token });
  try {
    await yard.tasks.submit({ name: 'next', run: { handler: 'nobody-offers-this' } });
    for (const id of ids) {
      const { status } = await yard.tasks.get(id);
      if (status !== 'waiting') throw new Error(`task ${id} is ${status} after the restart`);
    }
  } finally {
    await yard.close();
  }
}

/** Resident memory once the collector gives nothing more back by itself. */
async function settledRss(pid: number): Promise<number> {
  let least = Infinity;
  for (let look = 0, calm = 0; look < MAX_SETTLE_LOOKS && calm < CALM_LOOKS; look++, calm++) {
    await pause(SETTLE_LOOK_MS);
    const { rssMb } = useOf(pid);
    if (look < V8_LOOKS || rssMb < least * 0.99) calm = 0;
    least = Math.min(least, rssMb);
  }
  return useOf(pid).rssMb;
}

function peakMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
