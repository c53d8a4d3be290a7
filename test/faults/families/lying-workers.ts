import { randomBytes } from 'node:crypto';
import type { Report } from '@yardmaster/contracts';
import { pack } from '@yardmaster/contracts';
import type { TaskHandle } from '@yardmaster/sdk';
import type { Fault, Proof, Scene } from '../fault.js';
import { workerChild } from '../load/load.js';
import { ShiftedClock } from '../tools/clock.js';
import { LyingWorker } from '../tools/lying-worker.js';
import { until } from '../tools/until.js';
import { counter, staleReports } from './looks.js';

const BEAT_MS = 2_000;

export const LYING_FAULTS: readonly Fault[] = [
  {
    name: 'late-report',
    family: 'lying workers',
    of: '60, 66',
    what: 'a worker takes attempts and says nothing for longer than its leases last; another does them, and then it reports them all done',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks, handler } = await take(scene, 120);
      // Another takes over when the leases have run out.
      await until(
        'the end of its leases',
        async () =>
          (await Promise.all(tasks.map((task) => task.status()))).every(({ state }) => state !== 'running'),
        { withinMs: 120_000, everyMs: 500 },
      );
      const honest = await finish(scene, handler, tasks);
      liar.report(liar.runs.map((run) => done(run)));
      await liar.answered(tasks.length);
      scene.load.reports.push(...liar.notes());
      return { proof: async () => refusedAll(liar, tasks.length, honest) };
    },
  },
  {
    name: 'late-report-of-what-nobody-has',
    family: 'lying workers',
    of: '60',
    what: 'the same, but nobody else was given the tasks meanwhile: the finish counts, as a lease of its own',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks } = await take(scene, 60);
      await until(
        'the end of its leases',
        async () =>
          (await Promise.all(tasks.map((task) => task.status()))).every(({ state }) => state !== 'running'),
        { withinMs: 120_000, everyMs: 500 },
      );
      liar.rejoin();
      // As a worker does that waits for its answers.
      const again = setInterval(() => {
        const answered = new Set(liar.answers.map(([task]) => task));
        liar.report(liar.runs.filter(([task]) => !answered.has(task)).map((run) => done(run)));
      }, 2_000);
      const ends = await Promise.all(tasks.map((task) => task.wait({ timeout: '60s' }))).finally(() => {
        clearInterval(again);
      });
      liar.leave();
      scene.load.reports.push(...liar.notes());
      const succeeded = ends.filter(({ state }) => state === 'succeeded').length;
      const gone = liar.answers.filter(([, , , answer]) => answer === 'gone').length;
      return {
        proof: async () => ({
          hit: liar.answers.length >= tasks.length,
          seen: `${String(liar.answers.length - gone)} late reports counted, ${String(gone)} were refused; ${String(succeeded)} of ${String(tasks.length)} tasks succeeded`,
          wrong: gone > 0 ? [`60 ${String(gone)} finishes of tasks that nobody else had were refused`] : [],
        }),
      };
    },
  },
  {
    name: 'report-for-another',
    family: 'lying workers',
    of: '61',
    what: 'a worker reports attempts that another one runs, with their true fences',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar: victim, tasks } = await take(scene, 120);
      const liar = await LyingWorker.join(scene.yard, 'nothing-of-mine');
      liar.report(victim.runs.map((run) => done(run, { forged: true })));
      await liar.answered(tasks.length);
      victim.report(victim.runs.map((run) => done(run, { forged: false })));
      await victim.answered(tasks.length);
      const results = await Promise.all(
        tasks.map((task) => task.result({ timeout: '60s' }) as Promise<{ forged: boolean }>),
      );
      scene.load.reports.push(...liar.notes(), ...victim.notes());
      liar.leave();
      victim.leave();
      return {
        proof: async () => ({
          ...refusedAll(
            liar,
            tasks.length,
            `${String(results.filter(({ forged }) => !forged).length)} true results count`,
          ),
          wrong: results.some(({ forged }) => forged) ? ['I3 a forged result was accepted'] : [],
        }),
      };
    },
  },
  {
    name: 'two-reports-of-one-attempt',
    family: 'lying workers',
    of: '62',
    what: 'a worker reports each attempt twice, with different results, and the second one ten times',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks } = await take(scene, 4);
      liar.report(liar.runs.map((run) => done(run, { first: true })));
      await liar.answered(tasks.length);
      for (let n = 0; n < 10; n++) liar.report(liar.runs.map((run) => done(run, { first: false })));
      await liar.answered(tasks.length * 11);
      const results = await Promise.all(
        tasks.map((task) => task.result({ timeout: '60s' }) as Promise<{ first: boolean }>),
      );
      liar.leave();
      return {
        proof: async () => ({
          hit: liar.answers.length >= tasks.length * 11,
          seen: `${String(liar.answers.length)} reports, ${String(results.length)} ends, each the first`,
          wrong: results.every(({ first }) => first)
            ? []
            : ['I3 the second report of an attempt replaced the first'],
        }),
      };
    },
  },
  {
    name: 'report-without-a-lease',
    family: 'lying workers',
    of: '63',
    what: 'a worker reports attempts that nobody gave it: other fences, other attempts, tasks that wait or do not exist',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks } = await take(scene, 2);
      const waiting = await submit(scene, 'offered-by-nobody', 2);
      const [run] = liar.runs;
      if (run === undefined) throw new Error('nothing was taken');
      const [task, attempt, fence, work] = run;
      const lies: Report[] = [
        done([task, attempt, fence + 1, work]),
        done([task, attempt, fence - 1, work]),
        done([task, attempt + 1, fence, work]),
        ...waiting.map(({ id }) => done([id, 1, fence, work])),
        ...waiting.map(({ id }) => done([id, 1, fence + 1_000, work])),
        done(['9223372036854775807', 1, fence, work]),
      ];
      liar.report(lies);
      await liar.answered(lies.length);
      const accepted = liar.answers.filter(([, , , answer]) => answer === 'ok').length;
      liar.report(liar.runs.map((one) => done(one)));
      await Promise.all(tasks.map((one) => one.wait({ timeout: '60s' })));
      await Promise.all(waiting.map((one) => one.cancel()));
      liar.leave();
      return {
        proof: async () => ({
          hit: liar.answers.length >= lies.length,
          seen: `${String(lies.length - accepted)} of ${String(lies.length)} lies were refused`,
          wrong: accepted > 0 ? [`I3 ${String(accepted)} reports without a lease were accepted`] : [],
        }),
      };
    },
  },
  {
    name: 'heartbeats-for-ever',
    family: 'lying workers',
    of: '64',
    what: 'a worker keeps attempts alive by heartbeats and never ends them; their cap of 4 s does',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks } = await take(scene, 3, { executionCap: '4s', totalAttempts: 1 });
      const timer = setInterval(() => {
        liar.beat();
      }, BEAT_MS);
      const ends = await Promise.all(tasks.map((task) => task.wait({ timeout: '120s' })));
      clearInterval(timer);
      liar.vanish();
      const states = ends.map(({ state }) => state);
      return {
        proof: async () => ({
          hit: states.every((state) => state === 'failed'),
          seen: `all ended as ${[...new Set(ends.map(({ category }) => category))].join()}; ${String(liar.kills.length)} orders to kill`,
        }),
      };
    },
  },
  {
    name: 'garbage-on-a-worker-session',
    family: 'lying workers',
    of: '58',
    what: 'a worker that has joined sends frames of every kind that are none',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const before = await counter(scene.yard, 'yard_bad_messages_total');
      const frames: Uint8Array[] = [
        new Uint8Array(0),
        randomBytes(200),
        pack('a word'),
        pack([['rep']]),
        pack([['rep', [['1']]]]),
        pack([['hb', { n: 'one', held: 7 }]]),
        pack([['join', null]]),
        pack([['no-such-message', {}]]),
        pack([['rep', Array.from({ length: 50 }, () => [null, {}, [], 'ok'])]]),
        pack(Array.from({ length: 2_000 }, () => ['note', [[]]])),
      ];
      let closed = 0;
      for (const frame of frames) {
        const liar = await LyingWorker.join(scene.yard, 'garbage');
        for (let n = 0; n < 8; n++) liar.bytes(frame);
        await new Promise((resolve) => setTimeout(resolve, 150));
        if (liar.closed !== null) closed++;
        liar.vanish();
      }
      return {
        proof: async () => {
          const more = (await counter(scene.yard, 'yard_bad_messages_total')) - before;
          return {
            hit: more > 0,
            seen: `${String(more)} messages were set aside, ${String(closed)} sessions closed`,
          };
        },
      };
    },
  },
  {
    name: 'worker-an-hour-ahead',
    family: 'lying workers',
    of: '67',
    what: 'a worker whose clock is an hour ahead, then an hour behind',
    on: 'alone',
    holdMs: 6_000,
    strike: async ({ yard, places, random }) => {
      const clock = new ShiftedClock(places.root, 'worker');
      clock.set(3_600_000);
      const name = `ahead-${String(random.below(1_000_000))}`;
      const worker = workerChild(name, yard.urls, yard.token, places, clock.env);
      worker.start();
      await until(`${name} to join`, async () =>
        (await yard.client.workers.list()).items.some((one) => one.name === name),
      );
      const lost = await counter(yard, 'yard_leases_lost_total');
      return {
        heal: async () => {
          clock.set(-3_600_000);
          await new Promise((resolve) => setTimeout(resolve, 5_000));
        },
        proof: async () => {
          const more = (await counter(yard, 'yard_leases_lost_total')) - lost;
          await worker.stop(10_000);
          return { hit: worker.starts === 1, seen: `it worked along; ${String(more)} leases were lost` };
        },
      };
    },
  },
  {
    name: 'worker-that-claims-too-much',
    family: 'lying workers',
    of: '65',
    what: 'a worker claims 100,000 slots, takes what it is given, and vanishes',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { liar, tasks, handler } = await take(scene, 200, {}, 100_000);
      const stale = await staleReports(scene.yard);
      liar.vanish();
      const honest = await finish(scene, handler, tasks);
      return {
        proof: async () => ({
          hit: liar.runs.length >= 200,
          seen: `${String(liar.runs.length)} attempts were lost with it; ${honest}; ${String((await staleReports(scene.yard)) - stale)} stale reports`,
        }),
      };
    },
  },
];

async function submit(
  { yard }: Scene,
  handler: string,
  n: number,
  more: Record<string, unknown> = {},
): Promise<TaskHandle[]> {
  const task = { name: 'for-a-liar', run: { handler }, retry: { maxAttempts: 3, lost: 20 }, ...more };
  if ('totalAttempts' in more) delete (task as { retry?: unknown }).retry;
  return await Promise.all(Array.from({ length: n }, () => yard.client.tasks.submit(task as never)));
}

/** A liar that holds so many attempts. */
async function take(
  scene: Scene,
  n: number,
  more: Record<string, unknown> = {},
  slots = n,
): Promise<{ readonly liar: LyingWorker; readonly tasks: readonly TaskHandle[]; readonly handler: string }> {
  const handler = `lie-${String(scene.random.below(1_000_000_000))}`;
  const liar = await LyingWorker.join(scene.yard, handler, slots);
  const tasks = await submit(scene, handler, n, more);
  await until('attempts for the liar', () => liar.runs.length >= n);
  return { liar, tasks, handler };
}

/** An honest worker does what the liar left. */
async function finish(scene: Scene, handler: string, tasks: readonly TaskHandle[]): Promise<string> {
  const honest = await LyingWorker.join(scene.yard, handler, 50);
  let answered = 0;
  const timer = setInterval(() => {
    const fresh = honest.runs.splice(0);
    if (fresh.length > 0) honest.report(fresh.map((run) => done(run, { honest: true })));
    honest.beat([]);
    answered += fresh.length;
  }, 200);
  try {
    const ends = await Promise.all(tasks.map((task) => task.wait({ timeout: '180s' })));
    const succeeded = ends.filter(({ state }) => state === 'succeeded').length;
    return `${String(succeeded)} of ${String(tasks.length)} were then done by another, in ${String(answered)} attempts`;
  } finally {
    clearInterval(timer);
    scene.load.reports.push(...honest.notes());
    honest.leave();
  }
}

function done(
  [task, attempt, fence]: readonly [string, number, number, ...unknown[]],
  result: unknown = null,
): Report {
  return [task, attempt, fence, 'ok', null, null, result, null];
}

function refusedAll(liar: LyingWorker, n: number, more: string): Proof {
  const gone = liar.answers.filter(([, , , answer]) => answer === 'gone').length;
  const ok = liar.answers.length - gone;
  return {
    hit: gone >= n,
    seen: `${String(gone)} reports were refused; ${more}`,
    wrong: ok > 0 ? [`I3 ${String(ok)} reports without a lease were accepted`] : [],
  };
}
