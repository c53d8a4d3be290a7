import type { Yard } from '@yardmaster/sdk';
import type { YardProcess } from '../support/yard-process.ts';
import { pause } from './plan.ts';

async function metricsOf({ url, token }: YardProcess): Promise<string> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return await answer.text();
}

/** Until the graph database is up: its start takes more of the machine than what is measured. */
export async function settled(process: YardProcess): Promise<void> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    if ((await metricsOf(process)).includes('yard_projection_lag_events{projection="graph"}')) return;
    await pause(250);
  }
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
export async function atRest(process: YardProcess, yard: Yard): Promise<void> {
  // The graph's lag is measured once a second.
  for (let calm = 0; calm < 3; calm++) {
    await projected(yard);
    await pause(500);
    if (/yard_projection_lag_events\{projection="graph"\} (?!0(?:\s|$))/.test(await metricsOf(process)))
      calm = -1;
  }
}

/** The same, and the lists, which Postgres answers, show no task of this name that has not ended. */
export async function shown(yard: Yard, name: string): Promise<void> {
  for (;;) {
    await projected(yard);
    const open = await Promise.all(
      (['waiting', 'in_progress'] as const).map((status) => yard.tasks.list({ name, status, limit: 1 })),
    );
    const done = await yard.tasks.list({ name, status: 'done', limit: 1 });
    if (open.every((page) => page.items.length === 0) && done.items.length > 0) return;
  }
}
