import { ResourcesRole } from '@yardmaster/resource-manager';
import { QueueRole } from '@yardmaster/queue-manager';
import { BatcherRole } from '@yardmaster/batcher';
import { describe, expect, it } from 'vitest';
import { play, Run, SCENARIOS, type Scenario } from './crash-scenarios.js';
import { faultsOf, faultsOfEnds } from '../checkers/index.js';
import { differences, dumpRoles } from './state-dump.js';
import type { World } from './world.js';

type HandOver = 'proposed' | 'committed';
/** How many of what each stream had in flight survive. */
type Survivors = ReadonlyMap<string, number>;

interface Cut {
  readonly point: number;
  readonly survivors: Survivors;
}

/** Each point between two publishes, with every set of prefixes that streams which fail on their own could leave. */
async function cutsOf(scenario: Scenario, handOver: HandOver): Promise<Cut[]> {
  const cuts: Cut[] = [];
  const run = new Run({ handOver });
  await run.start();
  await play(run, scenario, (point) => {
    const counts = new Map<string, number>();
    for (const { stream } of run.world.log.inFlight()) counts.set(stream, (counts.get(stream) ?? 0) + 1);
    let combinations: Map<string, number>[] = [new Map()];
    for (const [stream, count] of counts) {
      combinations = combinations.flatMap((known) =>
        Array.from({ length: count + 1 }, (_, n) => new Map(known).set(stream, n)),
      );
    }
    for (const survivors of combinations) cuts.push({ point, survivors });
    return false;
  });
  run.stop();
  return cuts;
}

async function crashAt(run: Run, survivors: Survivors): Promise<void> {
  const left = new Map(survivors);
  await run.world.crash((stream) => {
    const n = left.get(stream) ?? 0;
    left.set(stream, n - 1);
    return n > 0;
  });
}

/** Lets time pass, with heartbeats, until everything has ended. */
async function drain(run: Run): Promise<void> {
  const { world } = run;
  for (let i = 0; i < 12; i++) {
    run.worker.finish('ok');
    run.worker.heartbeat();
    await world.pass(2_500, 12);
    if (i > 0 && isIdle(world)) break;
  }
  await world.pass(1_000, 8);
}

function isIdle(world: World): boolean {
  return (
    world.role(BatcherRole).set.tasks.size === 0 &&
    world.role(QueueRole).state.entries.size === 0 &&
    world.role(ResourcesRole).state.leases.size === 0 &&
    faultsOfEnds(world, [], true).length === 0
  );
}

/** What is left in memory when all is done. */
function leftovers(world: World): string[] {
  const faults: string[] = [];
  const { state } = world.role(ResourcesRole);
  for (const lease of state.leases.values()) faults.push(`I5 lease of ${lease.task} is live after the end`);
  for (const worker of state.workerList) expect(worker.free).toEqual(worker.capacity);
  for (const [id, entry] of state.entries) faults.push(`the resource manager keeps ${id} (${entry.state})`);
  for (const [id, entry] of world.role(QueueRole).state.entries)
    faults.push(`the queue keeps ${id} (${entry.state})`);
  for (const [id, task] of world.role(BatcherRole).set.tasks)
    faults.push(`the batcher keeps ${id} (${task.state})`);
  return faults;
}

async function survive(
  scenario: Scenario,
  handOver: HandOver,
  { point, survivors }: Cut,
  workerSurvives: boolean,
): Promise<string[]> {
  const run = new Run({ handOver });
  try {
    await run.start();
    await play(run, scenario, (at) => at === point);
    await crashAt(run, survivors);
    if (workerSurvives) run.worker.join(run.world.bus);
    else {
      run.newWorker('two');
      run.worker.join();
    }
    await run.world.quiet(10);
    await drain(run);
    const faults = [
      ...run.faults,
      ...faultsOfEnds(run.world, run.acknowledged, true),
      ...faultsOf(run.world, { isDrained: true }),
      ...leftovers(run.world),
    ];
    if (faults.length > 0) return faults;
    const live = dumpRoles(run.world.roles);
    await run.world.crash(() => true);
    return differences(live, dumpRoles(run.world.roles)).map((path) => `replay differs at ${path}`);
  } catch (error) {
    return [...run.faults, String(error)];
  } finally {
    run.stop();
  }
}

const name = ({ point, survivors }: Cut): string =>
  `cut at ${String(point)} keeping ${[...survivors].map(([stream, n]) => `${stream}:${String(n)}`).join(' ') || 'nothing in flight'}`;

describe.each<HandOver>(['proposed', 'committed'])(
  'a crash between any two publishes, envelopes handed over %s',
  (handOver) => {
    it.each(SCENARIOS)(
      'loses nothing, runs nothing twice and leaves nothing: $name',
      async (scenario) => {
        const cuts = await cutsOf(scenario, handOver);
        const failed: string[] = [];
        let n = 0;
        for (const cut of cuts) {
          for (const workerSurvives of [true, false]) {
            const faults = await survive(scenario, handOver, cut, workerSurvives);
            n++;
            if (faults.length > 0)
              failed.push(
                `${name(cut)}, worker ${workerSurvives ? 'survives' : 'is lost'}: ${[...new Set(faults)].slice(0, 6).join('; ')}`,
              );
            if (failed.length > 400) break;
          }
        }
        process.stdout.write(
          `${handOver}: ${scenario.name}: ${String(cuts.length)} cuts, ${String(n)} crashes, ${String(failed.length)} failed\n`,
        );
        expect(failed.slice(0, 12)).toEqual([]);
      },
      120_000,
    );
  },
);
