import type { Outcome } from '@yardmaster/domain';
import type { FakeWorker } from './fake-worker.js';
import { faultsOfRun } from '../checkers/index.js';
import { draft, handlerSpec, World, type WorldOptions } from './world.js';

const retry = { maxAttempts: 2, lostBudget: 5, initialBackoffMs: 1_000, maxBackoffMs: 1_000, on: null };
const workflow = { name: 'w', labels: null };

/** One run of a scenario up to the moment at which it is cut: who was told what, and what went wrong on the way. */
export class Run {
  readonly world: World;
  readonly acknowledged: string[] = [];
  readonly faults: string[] = [];
  worker: FakeWorker;
  /** How the attempt with this name and number ends. */
  readonly ends = new Map<string, Outcome | null>();
  readonly names = new Map<string, string>();

  constructor(options: WorldOptions) {
    this.world = new World({ partitions: 1, ...options });
    this.worker = this.world.worker();
  }

  async start(): Promise<void> {
    await this.world.start();
    this.newWorker('one');
    this.worker.join();
    await this.world.quiet(10);
  }

  newWorker(incarnation: string): void {
    const { world } = this;
    this.worker.isSilent = true;
    this.worker = world.worker('w1', { capacity: { slots: 2 } }, 1, incarnation);
    this.worker.outcome = ([, attempt, , { name }]) => {
      const end = this.ends.get(`${name}/${String(attempt)}`);
      return end === undefined ? 'ok' : end;
    };
    this.worker.onRun = ([task, attempt, fence, { name }]) => {
      this.names.set(name, task);
      this.faults.push(...faultsOfRun(world, task, attempt, fence));
    };
  }

  submit(more: Parameters<World['submit']>[1], as: Parameters<World['submit']>[2] = {}): void {
    const specs = [handlerSpec({ retry })];
    void this.world.submit(0, more, { specs, ...as }).then((reply) => {
      if (reply.ok) this.acknowledged.push(...reply.value.ids);
    });
  }

  stop(): void {
    this.world.stop();
  }
}

export type Action = (run: Run) => void;
export interface Scenario {
  readonly name: string;
  readonly actions: readonly Action[];
}

const passes =
  (ms: number): Action =>
  (run) => {
    run.world.clock.advance(ms);
    run.world.touch();
  };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'lone tasks, then a workflow with a fan-in, run to their ends',
    actions: [
      (run) => {
        run.submit([draft('a')]);
      },
      (run) => {
        run.submit(
          [
            draft('r'),
            draft('s', { parents: [0] }),
            draft('t', { parents: [0] }),
            draft('u', { parents: [1, 2] }),
          ],
          { workflow },
        );
      },
    ],
  },
  {
    name: 'an attempt fails, is retried, fails again and takes down what needs it',
    actions: [
      (run) => {
        run.ends.set('a/1', 'app').set('a/2', 'app').set('b/1', 'app');
        run.submit([draft('a'), draft('b'), draft('c', { parents: [0, 1] })], { workflow });
      },
      passes(2_000),
    ],
  },
  {
    name: 'a running, a waiting and a blocked task are cancelled',
    actions: [
      (run) => {
        run.ends.set('x/1', null).set('y/1', null);
        run.submit([draft('x'), draft('y'), draft('z'), draft('q', { parents: [2] })], { workflow });
      },
      (run) => {
        for (const id of run.acknowledged) void run.world.cancel(0, id);
      },
    ],
  },
  {
    name: 'a task falls due, runs long and reports late',
    actions: [
      (run) => {
        run.ends.set('d/1', null).set('l/1', null);
        run.submit([draft('d', { dueAt: run.world.clock.now() + 1_000 }), draft('l')]);
      },
      passes(1_500),
      (run) => {
        run.worker.finish('ok');
      },
    ],
  },
];

/** Plays a scenario while publishes wait, letting one through at a time; `at` is asked at each point between two publishes,
 * and cuts the run by answering true. */
export async function play(run: Run, scenario: Scenario, at: (point: number) => boolean): Promise<void> {
  const { world } = run;
  world.log.hold();
  let point = 0;
  for (const action of scenario.actions) {
    action(run);
    for (;;) {
      await world.quiet(6);
      if (at(point++)) return;
      if (world.log.step() === null) break;
    }
  }
}
