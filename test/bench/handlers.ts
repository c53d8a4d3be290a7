import { Yard } from '@yardmaster/sdk';
import { WorkerProcess, YardProcess } from '../support/yard-process.ts';
import { atRest, settled, shown } from './at-rest.ts';
import { commitHistogram, medianCommitMs } from './commit-latency.ts';
import { cpuPerTask, cpuSeconds } from './cpu-use.ts';
import { EndCounter } from './end-counter.ts';
import { layers, noops } from './load.ts';
import { print, quantile } from './measure.ts';
import { checked, pause, repeat, type Plan } from './plan.ts';

const WARM_BURSTS = 3;

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

async function benchNoops(
  plan: Plan,
  yard: Yard,
  ends: EndCounter,
  used: () => Record<string, number>,
  rest: () => Promise<void>,
): Promise<void> {
  const n = plan.quick ? 10_000 : 50_000;
  const projected: number[] = [];
  const burst = async (name: string): Promise<number> => {
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
  };
  // A yard that has run for a while is what counts: V8 goes on compiling through the first bursts.
  const cold: number[] = [];
  for (let i = 0; i < WARM_BURSTS; i++) {
    await rest();
    cold.push(await burst(`warm-${String(i)}`));
  }
  projected.length = 0;
  const before = used();
  const values = await repeat(plan.runs, async (i) => await burst(`noop-${String(i)}`), rest);
  const more = {
    // Tasks a second of the bursts before.
    cold: cold.map(Math.round),
    // Microseconds of CPU a task, by process; of everything that follows on it too, where that is waited for.
    cpu: cpuPerTask(before, used(), n * plan.runs),
  };
  if (plan.wants('noop.e2e')) print({ name: 'noop.e2e', unit: 'tasks/s', n, values, more });
  if (plan.wants('noop.e2e.projected'))
    print({ name: 'noop.e2e.projected', unit: 'tasks/s', n, values: projected, more });
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
