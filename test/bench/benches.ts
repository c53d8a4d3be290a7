import { spawnSync } from 'node:child_process';
import { Yard, type BulkItem } from '@yardmaster/sdk';
import { commitHistogram, medianCommitMs } from './commit-latency.ts';
import { cpuPerTask, cpuSeconds } from './cpu-use.ts';
import { print, quantile, rate } from './measure.ts';
import { isAlive } from '../support/processes.ts';
import { treeOf, useOf, WorkerProcess, YardProcess } from '../support/yard-process.ts';

export interface Plan {
  readonly runs: number;
  readonly quick: boolean;
  readonly wants: (name: string) => boolean;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function checked(items: readonly BulkItem[]): readonly BulkItem[] {
  const bad = items.find((item) => !item.ok);
  if (bad?.ok === false) throw bad.error;
  return items;
}

/** Values of several runs. Before each, `between` waits until the yard has nothing to do any more. */
async function repeat(
  runs: number,
  run: (i: number) => Promise<number>,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) {
    await between();
    values.push(await run(i));
  }
  return values;
}

/** Counts ends told by the event stream. */
class EndCounter {
  readonly #stop = new AbortController();
  #ended = 0;
  #goal: { readonly at: number; readonly resolve: () => void } | null = null;
  readonly #following: Promise<void>;
  readonly opened: Promise<undefined>;

  constructor(yard: Yard) {
    const opened = Promise.withResolvers<undefined>();
    this.opened = opened.promise;
    this.#following = yard.onEvents({
      types: ['TaskSucceeded', 'TaskFailed', 'TaskCancelled'],
      signal: this.#stop.signal,
      onOpen: () => {
        opened.resolve(undefined);
      },
      onBatch: (batch) => {
        batch.scan(() => {
          this.#ended++;
        });
        if (this.#goal !== null && this.#ended >= this.#goal.at) this.#goal.resolve();
      },
    });
  }

  /** Resolves when `n` more have ended than at the call. */
  expect(n: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goal = { at: this.#ended + n, resolve };
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }
}

const noops = (n: number, handler = 'noop', name = 'noop'): { name: string; run: { handler: string } }[] =>
  Array.from({ length: n }, () => ({ name, run: { handler } }));

export async function benchAccept(plan: Plan): Promise<void> {
  if (!plan.wants('accept.batch') && !plan.wants('accept.single')) return;
  const process = await YardProcess.start();
  const yard = new Yard({ url: process.url, token: process.token });
  try {
    const n = plan.quick ? 10_000 : 50_000;
    if (plan.wants('accept.batch')) {
      const tasks = noops(n, 'nobody-offers-this');
      await settled(process);
      await yard.tasks.submitMany(tasks.slice(0, 5_000));
      const values = await repeat(
        plan.runs,
        () =>
          rate(n, async () => {
            checked(await yard.tasks.submitMany(tasks));
          }),
        () => atRest(process, yard),
      );
      print({ name: 'accept.batch', unit: 'tasks/s', n, values });
    }
    if (plan.wants('accept.single')) {
      const m = plan.quick ? 1_000 : 5_000;
      await atRest(process, yard);
      const values = await repeat(plan.runs, () =>
        rate(m, async () => {
          let left = m;
          await Promise.all(
            Array.from({ length: 32 }, async () => {
              while (left-- > 0)
                await yard.tasks.submit({ name: 'one', run: { handler: 'nobody-offers-this' } });
            }),
          );
        }),
      );
      print({ name: 'accept.single', unit: 'tasks/s', n: m, values });
    }
  } finally {
    await yard.close();
    await process.stop();
  }
}

export async function benchHandlers(plan: Plan): Promise<void> {
  const names = [
    'noop.e2e',
    'noop.e2e.projected',
    'latency.start.p50',
    'latency.start.p99',
    'latency.finish.p50',
    'latency.finish.p99',
    'dag.10k',
    'chain.step',
  ];
  if (!names.some((name) => plan.wants(name))) return;
  const process = await YardProcess.start();
  const worker = new WorkerProcess(process, 8_000);
  const yard = new Yard({ url: process.url, token: process.token });
  const ends = new EndCounter(yard);
  try {
    await ends.opened;
    while (!(await yard.workers.list()).items.some((w) => w.kind === 'sdk' && w.state === 'healthy'))
      await pause(50);
    await settled(process);
    if (names.slice(2, 6).some((name) => plan.wants(name))) await benchLatency(plan, process, yard);
    if (plan.wants('chain.step')) await benchChain(plan, yard, () => atRest(process, yard));
    if (plan.wants('dag.10k')) await benchDag(plan, yard, () => atRest(process, yard));
    if (plan.wants('noop.e2e') || plan.wants('noop.e2e.projected'))
      await benchNoops(
        plan,
        yard,
        ends,
        () => cpuSeconds(process.home, worker.pid),
        () => atRest(process, yard),
      );
  } finally {
    await ends.close();
    await yard.close();
    await worker.stop();
    await process.stop();
  }
}

async function metricsOf({ url, token }: YardProcess): Promise<string> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return await answer.text();
}

/** Until the graph database is up: its start takes more of the machine than what is measured. */
async function settled(process: YardProcess): Promise<void> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    if ((await metricsOf(process)).includes('yard_projection_lag_events{projection="graph"}')) return;
    await pause(250);
  }
}

async function benchNoops(
  plan: Plan,
  yard: Yard,
  ends: EndCounter,
  used: () => Record<string, number>,
  rest: () => Promise<void>,
): Promise<void> {
  const n = plan.quick ? 10_000 : 50_000;
  const warm = ends.expect(10_000);
  checked(await yard.tasks.submitMany(noops(10_000)));
  await warm;
  const projected: number[] = [];
  const before = used();
  const values = await repeat(
    plan.runs,
    async (i) => {
      const name = `noop-${String(i)}`;
      const tasks = noops(n, 'noop', name);
      const all = ends.expect(n);
      const began = performance.now();
      checked(await yard.tasks.submitMany(tasks));
      await all;
      const value = (n * 1000) / (performance.now() - began);
      if (plan.wants('noop.e2e.projected')) {
        await shown(yard, name);
        projected.push((n * 1000) / (performance.now() - began));
      }
      return value;
    },
    rest,
  );
  // Microseconds of CPU a task, by process; of everything that follows on it too, where that is waited for.
  const more = { cpu: cpuPerTask(before, used(), n * plan.runs) };
  if (plan.wants('noop.e2e')) print({ name: 'noop.e2e', unit: 'tasks/s', n, values, more });
  if (plan.wants('noop.e2e.projected'))
    print({ name: 'noop.e2e.projected', unit: 'tasks/s', n, values: projected, more });
}

/** Until Postgres stands where the log ends. */
async function projected(yard: Yard): Promise<void> {
  for (;;) {
    const { projectionLag } = await yard.call<{ projectionLag: Record<string, number> }>({
      method: 'GET',
      path: '/v1/cluster',
      repeatable: true,
    });
    if (Object.values(projectionLag).every((behind) => behind <= 0)) return;
    await pause(20);
  }
}

/** Until tables and graph have all that was done before: what is measured next shares the machine with nothing of it. */
async function atRest(process: YardProcess, yard: Yard): Promise<void> {
  // The graph's lag is measured once a second.
  for (let calm = 0; calm < 3; calm++) {
    await projected(yard);
    await pause(500);
    if (!/yard_projection_lag_events\{projection="graph"\} 0(\s|$)/.test(await metricsOf(process))) calm = -1;
  }
}

/** The same, and the lists, which Postgres answers, show no task of this name that has not ended. */
async function shown(yard: Yard, name: string): Promise<void> {
  for (;;) {
    await projected(yard);
    const open = await Promise.all(
      (['waiting', 'in_progress'] as const).map((status) => yard.tasks.list({ name, status, limit: 1 })),
    );
    const done = await yard.tasks.list({ name, status: 'done', limit: 1 });
    if (open.every((page) => page.items.length === 0) && done.items.length > 0) return;
  }
}

async function benchLatency(plan: Plan, process: YardProcess, yard: Yard): Promise<void> {
  const n = plan.quick ? 100 : 500;
  const one = async (): Promise<{ start: number; finish: number }> => {
    const began = globalThis.process.hrtime.bigint();
    const task = await yard.tasks.submit<string>({ name: 'clock', run: { handler: 'clock' } });
    const result = await task.result({ timeout: '30s' });
    return {
      start: Number(BigInt(result) - began) / 1e6,
      finish: Number(globalThis.process.hrtime.bigint() - began) / 1e6,
    };
  };
  for (let i = 0; i < 200; i++) await one();
  const figures = {
    start50: [] as number[],
    start99: [] as number[],
    finish50: [] as number[],
    finish99: [] as number[],
    commit: [] as number[],
  };
  await repeat(plan.runs, async () => {
    const before = await commitHistogram(process.url, process.token);
    const starts: number[] = [];
    const finishes: number[] = [];
    for (let i = 0; i < n; i++) {
      const { start, finish } = await one();
      starts.push(start);
      finishes.push(finish);
      await pause(2);
    }
    figures.commit.push(medianCommitMs(before, await commitHistogram(process.url, process.token)));
    figures.start50.push(quantile(starts, 0.5));
    figures.start99.push(quantile(starts, 0.99));
    figures.finish50.push(quantile(finishes, 0.5));
    figures.finish99.push(quantile(finishes, 0.99));
    return 0;
  });
  const more = { commitP50: Math.round(quantile(figures.commit, 0.5) * 1000) / 1000 };
  print({ name: 'latency.start.p50', unit: 'ms', n, values: figures.start50, more });
  print({ name: 'latency.start.p99', unit: 'ms', n, values: figures.start99, more });
  print({ name: 'latency.finish.p50', unit: 'ms', n, values: figures.finish50, more });
  print({ name: 'latency.finish.p99', unit: 'ms', n, values: figures.finish99, more });
}

async function benchChain(plan: Plan, yard: Yard, rest: () => Promise<void>): Promise<void> {
  const n = plan.quick ? 100 : 500;
  const tasks = Array.from({ length: n }, (_, i) => ({
    name: `s${String(i)}`,
    run: { handler: 'noop' },
    dependsOn: i === 0 ? [] : [`s${String(i - 1)}`],
  }));
  const values = await repeat(
    plan.runs,
    async () => {
      const began = performance.now();
      const workflow = await yard.workflows.submit({ name: 'chain', tasks });
      await workflow.wait({ timeout: '5m' });
      return (performance.now() - began) / n;
    },
    rest,
  );
  print({ name: 'chain.step', unit: 'ms', n, values });
}

/** No-ops in layers, each with up to 3 parents in the layer before. */
function layers(
  count: number,
  width: number,
): { name: string; run: { handler: string }; dependsOn: string[] }[] {
  return Array.from({ length: count * width }, (_, i) => {
    const layer = Math.floor(i / width);
    const parents =
      layer === 0 ? [] : [0, 1, 2].map((k) => `t${String((layer - 1) * width + ((i * 7 + k * 13) % width))}`);
    return { name: `t${String(i)}`, run: { handler: 'noop' }, dependsOn: [...new Set(parents)] };
  });
}

async function benchDag(plan: Plan, yard: Yard, rest: () => Promise<void>): Promise<void> {
  const tasks = layers(10, plan.quick ? 100 : 1_000);
  const values = await repeat(
    plan.runs,
    async () => {
      const began = performance.now();
      const workflow = await yard.workflows.submit({ name: 'dag', tasks });
      await workflow.wait({ timeout: '5m' });
      return (performance.now() - began) / 1000;
    },
    rest,
  );
  print({ name: 'dag.10k', unit: 's', n: tasks.length, values });
}

export async function benchScripts(plan: Plan): Promise<void> {
  if (!plan.wants('script.e2e') && !plan.wants('xargs.baseline')) return;
  const n = plan.quick ? 500 : 2_000;
  const baseline = (): number => {
    const began = performance.now();
    spawnSync('bash', ['-c', `seq ${String(n)} | xargs -P2 -n1 /bin/true`]);
    return (n * 1000) / (performance.now() - began);
  };
  const process = await YardProcess.start({ YARD_AGENT_CPU: '64', YARD_AGENT_MEMORY: '256G' });
  const yard = new Yard({ url: process.url, token: process.token });
  const ends = new EndCounter(yard);
  try {
    await ends.opened;
    const command = { name: 'true', run: { command: ['/bin/true'] } };
    const run = async (m: number): Promise<void> => {
      const all = ends.expect(m);
      checked(await yard.tasks.submitMany(Array.from({ length: m }, () => command)));
      await all;
    };
    await run(200);
    const scripts: number[] = [];
    const xargs: number[] = [];
    for (let i = 0; i < plan.runs; i++) {
      xargs.push(baseline());
      scripts.push(await rate(n, () => run(n)));
    }
    print({
      name: 'script.e2e',
      unit: 'tasks/s',
      n,
      values: scripts,
      more: { ofXargs: Math.round((quantile(scripts, 0.5) / quantile(xargs, 0.5)) * 100) / 100 },
    });
    print({ name: 'xargs.baseline', unit: 'tasks/s', n, values: xargs });
  } finally {
    await ends.close();
    await yard.close();
    await process.stop();
  }
}

export async function benchIdle(plan: Plan): Promise<void> {
  if (!plan.wants('idle.rss') && !plan.wants('idle.cpu')) return;
  const process = await YardProcess.start();
  try {
    await pause(plan.quick ? 5_000 : 20_000);
    const tree = treeOf(process.home);
    // One that ended meanwhile has nothing to tell.
    const alive = (): number[] => tree.filter((pid) => isAlive(pid));
    const sum = (): number => alive().reduce((total, pid) => total + useOf(pid).cpuSeconds, 0);
    const before = { own: useOf(process.pid).cpuSeconds, tree: sum() };
    const seconds = plan.quick ? 5 : 20;
    await pause(seconds * 1000);
    const own = ((useOf(process.pid).cpuSeconds - before.own) / seconds) * 100;
    const whole = ((sum() - before.tree) / seconds) * 100;
    const rss = alive().reduce((total, pid) => total + useOf(pid).rssMb, 0);
    print({
      name: 'idle.rss',
      unit: 'MB',
      n: 1,
      values: [useOf(process.pid).rssMb],
      more: { tree: Math.round(rss), processes: tree.length },
    });
    print({
      name: 'idle.cpu',
      unit: '% of a core',
      n: 1,
      values: [own],
      more: { tree: Math.round(whole * 10) / 10 },
    });
  } finally {
    await process.stop();
  }
}

/** The views made anew from the log: the tables into Postgres, the graph into memory. */
export async function benchRebuild(plan: Plan): Promise<void> {
  if (!plan.wants('rebuild.events')) return;
  const process = await YardProcess.start();
  const worker = new WorkerProcess(process, 8_000);
  const yard = new Yard({ url: process.url, token: process.token });
  const ends = new EndCounter(yard);
  try {
    await ends.opened;
    await settled(process);
    const n = plan.quick ? 10_000 : 50_000;
    const rounds = plan.quick ? 1 : 4;
    for (let i = 0; i < rounds; i++) {
      const all = ends.expect(n);
      checked(await yard.tasks.submitMany(noops(n, 'noop', `round-${String(i)}`)));
      await all;
    }
    // The graph tells where it stands by what is in it: it has the last word in every partition.
    const graphs = ends.expect(plan.quick ? 1_600 : 16_000);
    for (let i = 0; i < 16; i++)
      await yard.workflows.submit({ name: 'layers', tasks: layers(10, plan.quick ? 10 : 100) });
    await graphs;
    await shown(yard, `round-${String(rounds - 1)}`);
    const postgres: number[] = [];
    const memory: number[] = [];
    let events = { postgres: 0, memory: 0 };
    for (let i = 0; i < plan.runs; i++) {
      const { equal, relational, graph } = await verified(yard);
      if (equal !== true || relational === null || graph === null)
        throw new Error('the views made anew are not what is stored');
      postgres.push(relational.events / relational.seconds);
      memory.push(graph.events / graph.seconds);
      events = { postgres: relational.events, memory: graph.events };
    }
    print({ name: 'rebuild.events.postgres', unit: 'events/s', n: events.postgres, values: postgres });
    print({ name: 'rebuild.events.memory', unit: 'events/s', n: events.memory, values: memory });
  } finally {
    await ends.close();
    await yard.close();
    await worker.stop();
    await process.stop();
  }
}

interface VerifiedViews {
  readonly run: string;
  readonly state: string;
  readonly equal: boolean | null;
  readonly relational: { readonly events: number; readonly seconds: number } | null;
  readonly graph: { readonly events: number; readonly seconds: number } | null;
}

async function verified(yard: Yard): Promise<VerifiedViews> {
  let run = '';
  for (;;) {
    const told = await yard.call<VerifiedViews>({
      method: 'POST',
      path: `/v1/admin/verify${run}`,
      repeatable: false,
    });
    if (told.state !== 'running') return told;
    run = `?run=${told.run}`;
  }
}
