import type { TaskHandle } from '@yardmaster/sdk';
import { useOf } from '../../support/processes.js';
import type { Fault, Scene, Strike } from '../fault.js';
import { Bounds, descendants, whyNoBounds } from '../tools/cgroup.js';
import { processesWith } from '../tools/processes-with.js';
import { until } from '../tools/until.js';

export const HOSTILE_FAULTS: readonly Fault[] = [
  {
    name: 'task-that-ignores-sigterm',
    family: 'hostile tasks',
    of: '71',
    what: 'scripts that ignore SIGTERM and go over a cap of 2 s',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) =>
      leftover(scene, `trap '' TERM; while :; do sleep 1; done`, { executionCap: '2s' }),
  },
  {
    name: 'task-that-leaves-daemons',
    family: 'hostile tasks',
    of: '72',
    what: 'scripts that fork daemons into sessions of their own and end',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => leftover(scene, `(setsid sh -c 'sleep 600' >/dev/null 2>&1 &) ; exit 0`, {}),
  },
  {
    name: 'task-that-stops-itself',
    family: 'hostile tasks',
    of: '73',
    what: 'scripts that stop themselves and their children until a cap of 2 s',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => leftover(scene, `sh -c 'kill -STOP $$' & kill -STOP $$`, { executionCap: '2s' }),
  },
  {
    name: 'task-that-floods-its-output',
    family: 'hostile tasks',
    of: '70',
    what: 'a script that writes 300 MB to its output, which is kept up to its cap',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const { agent } = scene.yard;
      const before = useOf(agent.pid).rssMb;
      const task = await submit(scene, `head -c 300000000 /dev/zero | tr '\\0' x`, {});
      const { state } = await task.wait({ timeout: '120s' });
      const after = useOf(agent.pid).rssMb;
      return {
        proof: async () => ({
          hit: state === 'succeeded',
          seen: `it ended as ${state}; the agent went from ${before.toFixed(0)} to ${after.toFixed(0)} MB`,
          wrong: after > before + 200 ? [`I18 the agent grew by ${(after - before).toFixed(0)} MB`] : [],
        }),
      };
    },
  },
  {
    name: 'task-that-eats-memory',
    family: 'hostile tasks',
    of: '68',
    what: 'scripts that take memory until there is none, on an agent that may have 500 MB',
    on: 'alone',
    holdMs: 0,
    missing: whyNoBounds,
    strike: (scene) => bounded(scene, 'exec tail /dev/zero', {}, ({ killed }) => killed >= 3),
  },
  {
    name: 'task-that-forks-for-ever',
    family: 'hostile tasks',
    of: '69',
    what: 'fork bombs with a cap of 3 s, on an agent that may have 250 processes',
    on: 'alone',
    holdMs: 0,
    missing: whyNoBounds,
    strike: (scene) =>
      bounded(scene, 'f() { f | f & }; f; sleep 60', { executionCap: '3s' }, ({ refused }) => refused > 0),
  },
  {
    name: 'every-way-to-exit',
    family: 'hostile tasks',
    of: '75',
    what: 'scripts that end with exit codes 0, 1, 42, 255, by SIGKILL, SIGSEGV and SIGTERM of their own, and at once with closed output',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const ways: [script: string, state: string, exitCode: number | null][] = [
        ['exit 0', 'succeeded', 0],
        ['exit 1', 'failed', 1],
        ['exit 42', 'failed', 42],
        ['exit 255', 'failed', 255],
        ['kill -KILL $$', 'failed', null],
        ['kill -SEGV $$', 'failed', null],
        ['kill -TERM $$', 'failed', null],
        ['exec 1>&- 2>&-; exit 0', 'succeeded', 0],
      ];
      const wrong: string[] = [];
      await Promise.all(
        ways.map(async ([script, state, exitCode]) => {
          const task = await submit(scene, script, { totalAttempts: 1 });
          const ended = await task.wait({ timeout: '120s' });
          const code = ended.attempts.at(-1)?.exitCode ?? null;
          if (ended.state !== state) wrong.push(`75 \`${script}\` ended as ${ended.state}, not ${state}`);
          else if (exitCode !== null && code !== exitCode)
            wrong.push(`75 \`${script}\` ended with ${String(code)}`);
        }),
      );
      return {
        proof: async () => ({
          hit: true,
          seen: `${String(ways.length)} ways, ${String(ways.length - wrong.length)} as they were`,
          wrong,
        }),
      };
    },
  },
];

async function submit({ yard }: Scene, script: string, more: Record<string, unknown>): Promise<TaskHandle> {
  const task = {
    name: 'hostile',
    run: { command: ['sh', '-c', script] },
    resources: { cpu: '50m' },
    ...more,
  };
  return await yard.client.tasks.submit(task);
}

/** The same with bounds around the agent, which has to outlive them. */
async function bounded(
  scene: Scene,
  script: string,
  more: Record<string, unknown>,
  isHit: (bounds: Bounds) => boolean,
): Promise<Strike> {
  const { agent } = scene.yard;
  const { pid } = agent;
  const bounds = new Bounds(`yard-faults-${String(pid)}`, { memory: 500 * 1024 * 1024, pids: 250 });
  try {
    bounds.hold(descendants(pid));
    const { proof } = await leftover(scene, script, more);
    const hit = isHit(bounds);
    const told = `${String(bounds.killed)} ended for want of memory, ${String(bounds.refused)} forks refused`;
    const lived = agent.pid === pid && agent.isUp;
    return {
      proof: async () => {
        const { seen, wrong } = await proof();
        return {
          hit,
          seen: `${told}; ${seen}`,
          wrong: lived ? wrong : [...wrong, 'the agent did not outlive its tasks'],
        };
      },
    };
  } finally {
    bounds.release();
  }
}

/** Runs three, waits for their ends, and looks for what is left of them. */
async function leftover(
  scene: Scene,
  script: string,
  more: Record<string, unknown>,
): Promise<{ readonly proof: () => Promise<{ hit: boolean; seen: string; wrong: string[] }> }> {
  const mark = `hostile-${String(scene.random.below(1_000_000_000))}`;
  const tasks = await Promise.all(
    [1, 2, 3].map(() => submit(scene, `export MARK=${mark}; ${script}`, { totalAttempts: 1, ...more })),
  );
  const seen = new Set<number>();
  const timer = setInterval(() => {
    for (const pid of processesWith(mark)) seen.add(pid);
  }, 20);
  const ends = await Promise.all(tasks.map((task) => task.wait({ timeout: '120s' })));
  await until('the end of what they left', () => processesWith(mark).length === 0, {
    withinMs: 15_000,
  }).catch(() => undefined);
  clearInterval(timer);
  const left = processesWith(mark);
  return {
    proof: async () => ({
      hit: seen.size >= 3,
      seen: `${String(seen.size)} processes were seen, ${String(left.length)} are left; ended as ${[...new Set(ends.map(({ state, category }) => `${state}${category === null ? '' : ` (${category})`}`))].join()}`,
      wrong: left.map((pid) => `I12 process ${String(pid)} is left`),
    }),
  };
}
