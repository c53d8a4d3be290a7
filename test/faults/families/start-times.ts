import { setTimeout as pause } from 'node:timers/promises';
import { type TaskHandle, YardApiError } from '@yardmaster/sdk';
import type { Fault, Proof, Scene, Strike } from '../fault.js';
import { bootMs, executionsIn } from '../load/truth.js';
import { until } from '../tools/until.js';
import { child } from './looks.js';

const TARGETS = 1_000;
/** From the first to the last start time, counted from the submission. */
const WINDOW_MS = [2_000, 10_000] as const;
/** Clocks that are read one after the other. */
const FORGIVEN_MS = 20;
const DAY_MS = 86_400_000;

export const START_TIME_FAULTS: readonly Fault[] = [
  {
    name: 'start-times-while-down',
    family: 'time',
    of: '79',
    what: '1,000 start times, and the yard is dead from before the first to after most of them',
    on: 'alone',
    holdMs: 8_000,
    strike: (scene) => startTimes(scene),
  },
  {
    name: 'start-times-far-away',
    family: 'time',
    of: '78',
    what: 'start times on 29 February, in 25 days (more than a timer of 2^31 ms), past 2038-01-19, in 2099; days that do not exist; then the yard dies',
    on: 'alone',
    strike: (scene) => farAway(scene),
  },
  {
    name: 'changes-of-the-clock-by-law',
    family: 'time',
    of: '77',
    what: 'gaps and overlaps of daylight saving time in four zones',
    on: 'alone',
    missing: () => 'schedules by the calendar of a time zone come with a later issue',
    strike: () => Promise.reject(new Error('there are no such schedules')),
  },
];

async function startTimes({ yard, places, random }: Scene): Promise<Strike> {
  const wallOfBoot = Date.now() - bootMs();
  const now = Date.now();
  const due = Array.from({ length: TARGETS }, () => now + random.between(...WINDOW_MS));
  const items = await yard.client.tasks.submitMany(
    due.map((at) => ({
      name: 'due',
      run: { handler: 'work', input: { ms: 0 } },
      scheduling: { type: 'once', at: new Date(at).toISOString() },
      retry: { maxAttempts: 4, lost: 20 },
    })),
  );
  const dueOf = new Map(
    items.flatMap((item, i): [string, number][] =>
      item.ok ? [[item.task.id, (due[i] ?? 0) - wallOfBoot]] : [],
    ),
  );
  const main = child(yard.nodes, 'yard');
  main.signal('SIGKILL');
  await main.gone();
  const begun = (): Map<string, number[]> => {
    const starts = new Map<string, number[]>();
    for (const { task, from, hasFinished } of executionsIn(places.truth))
      if (hasFinished && dueOf.has(task)) starts.set(task, [...(starts.get(task) ?? []), from]);
    return starts;
  };
  return {
    heal: async () => {
      await yard.whole();
      await until('every start', () => begun().size === dueOf.size, { withinMs: 60_000, everyMs: 500 }).catch(
        () => undefined,
      );
    },
    proof: async () => verdictOf(dueOf, begun()),
  };
}

function verdictOf(dueOf: ReadonlyMap<string, number>, begun: ReadonlyMap<string, readonly number[]>): Proof {
  const early: string[] = [];
  const twice: string[] = [];
  for (const [id, starts] of begun) {
    const before = (dueOf.get(id) ?? 0) - Math.min(...starts);
    if (before > FORGIVEN_MS) early.push(`I14 ${id} began ${String(before)} ms before its time`);
    if (starts.length > 1) twice.push(`I14 ${id} was run to its end ${String(starts.length)} times`);
  }
  const missed = [...dueOf.keys()].filter((id) => !begun.has(id));
  return {
    hit: dueOf.size === TARGETS,
    seen: `${String(TARGETS)} start times: ${String(missed.length)} missed, ${String(early.length)} early, ${String(twice.length)} twice`,
    wrong: [...missed.map((id) => `I14 ${id} never began`), ...early, ...twice],
  };
}

async function farAway({ yard, places }: Scene): Promise<Strike> {
  const far = ['2028-02-29T12:00:00Z', '2038-01-19T03:14:08Z', '2099-12-31T23:59:59Z'];
  far.push(new Date(Date.now() + 25 * DAY_MS).toISOString());
  const never = ['2027-02-29T12:00:00Z', '2028-02-30T12:00:00Z', '2028-04-31T12:00:00Z', 'tomorrow'];
  const codes: string[] = [];
  for (const at of never) codes.push(await submit(yard, at).then(() => 'ok', codeOf));
  const tasks: TaskHandle[] = [];
  for (const at of far) tasks.push(await submit(yard, at));
  await pause(500);
  const main = child(yard.nodes, 'yard');
  main.signal('SIGKILL');
  await main.gone();
  const wrong = codes.flatMap((code, i) =>
    code === 'invalid-request' ? [] : [`78 ${never[i] ?? ''} was answered ${code}`],
  );
  return {
    heal: async () => {
      await yard.whole();
      await pause(1_000);
      for (const [i, task] of tasks.entries()) {
        const { state } = await task.status();
        if (state !== 'scheduled') wrong.push(`78 the start at ${far[i] ?? ''} is ${state}`);
        await task.cancel();
      }
    },
    proof: async () => {
      const ran = executionsIn(places.truth).filter(({ task }) => tasks.some(({ id }) => id === task));
      return {
        hit: tasks.length === far.length,
        seen: `${String(far.length)} wait for their time over a restart; ${String(never.length)} days that do not exist: ${[...new Set(codes)].join()}`,
        wrong: [...wrong, ...ran.map(({ task }) => `78 ${task} began before its time`)],
      };
    },
  };
}

function submit({ client }: Scene['yard'], at: string): Promise<TaskHandle> {
  return client.tasks.submit({
    name: 'far-away',
    run: { handler: 'work', input: { ms: 0 } },
    scheduling: { type: 'once', at },
  });
}

function codeOf(error: unknown): string {
  return error instanceof YardApiError ? error.code : String(error);
}
