import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { Yard } from '@yardmaster/sdk';
import { until } from '../support/processes.ts';
import { useOf, YardProcess } from '../support/yard-process.ts';
import { settled } from './at-rest.ts';
import { EndCounter } from './end-counter.ts';
import { noops } from './load.ts';
import { print } from './measure.ts';
import { checked, pause, type Plan } from './plan.ts';

const WORKERS = 2_000;
/** A worker stops what it runs when no heartbeat was answered for so long; each beats every 5 s. */
const STOP_MS = 22_000;
const A_SECOND = 500;

/**
 * `workers.2000`: so many workers, each over a session of its own, against one yard, while tasks come in; how old the last answered
 * heartbeat of any of them ever was. A lost session or a worker that had to stop is an error.
 */
export async function benchWorkers(plan: Plan): Promise<void> {
  if (!plan.wants('workers.2000')) return;
  const process = await YardProcess.start();
  const yard = new Yard({ url: process.url, token: process.token });
  const ends = new EndCounter(yard);
  const fleet = new Fleet(process, plan.quick ? 200 : WORKERS);
  try {
    await ends.opened;
    await settled(process);
    await until('the whole fleet', () => fleet.told?.up === fleet.size, { withinMs: 120_000, everyMs: 200 });
    // On a busy machine some need more than one try to come in.
    const whole = fleet.told!;
    const before = useOf(process.pid).cpuSeconds;
    const seconds = plan.quick ? 10 : 60;
    const began = performance.now();
    const all = ends.expect(seconds * A_SECOND);
    for (let i = 0; i < seconds; i++) {
      checked(await yard.tasks.submitMany(noops(A_SECOND, 'fleet')));
      await pause(Math.max(0, began + (i + 1) * 1_000 - performance.now()));
    }
    await all;
    const took = (performance.now() - began) / 1_000;
    const cpu = (useOf(process.pid).cpuSeconds - before) / took;
    // Some heartbeats of everybody, with nothing to do.
    await pause(plan.quick ? 6_000 : 20_000);
    const { leastLeaseMs, whyLost, ...now } = fleet.told!;
    const lost = now.lost - whole.lost;
    const silent = now.silent - whole.silent;
    print({
      name: 'workers.2000',
      unit: 'ms',
      n: fleet.size,
      values: [STOP_MS - leastLeaseMs],
      more: {
        lost,
        silent,
        lostBefore: whole.lost,
        tasks: seconds * A_SECOND,
        seconds: Math.round(took),
        cores: Math.round(cpu * 100) / 100,
        rss: Math.round(useOf(process.pid).rssMb),
      },
    });
    if (lost > 0 || silent > 0)
      throw new Error(
        `${String(lost)} sessions were lost, ${String(silent)} stopped: ${JSON.stringify(whyLost)}`,
      );
  } finally {
    await ends.close();
    await yard.close();
    await fleet.stop();
    await process.stop();
  }
}

interface FleetTold {
  readonly up: number;
  readonly joined: number;
  readonly lost: number;
  readonly silent: number;
  readonly leastLeaseMs: number;
  readonly whyLost: Readonly<Record<string, number>>;
}

/** Workers of this many sessions, in a process of their own. */
class Fleet {
  told: FleetTold | null = null;
  readonly size: number;
  readonly #child: ChildProcess;

  constructor(yard: YardProcess, size: number) {
    this.size = size;
    this.#child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'fleet.ts'), yard.url, String(size)],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, YARD_TOKEN: yard.token } },
    );
    let text = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const last = lines.at(-1);
      if (last !== undefined) this.told = JSON.parse(last) as FleetTold;
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      this.#child.once('exit', () => {
        resolve();
      });
      this.#child.kill('SIGTERM');
    });
  }
}
