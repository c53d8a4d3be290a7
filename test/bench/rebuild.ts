import { Yard } from '@yardmaster/sdk';
import { WorkerProcess, YardProcess } from '../support/yard-process.ts';
import { settled, shown } from './at-rest.ts';
import { EndCounter } from './end-counter.ts';
import { layers, noops } from './load.ts';
import { print } from './measure.ts';
import { checked, type Plan } from './plan.ts';

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
