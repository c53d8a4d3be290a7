import { spawnSync } from 'node:child_process';
import { Yard } from '@yardmaster/sdk';
import { YardProcess } from '../support/yard-process.ts';
import { EndCounter } from './end-counter.ts';
import { print, quantile, rate } from './measure.ts';
import { checked, type Plan } from './plan.ts';

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
