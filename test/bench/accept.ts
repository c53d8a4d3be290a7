import { Yard } from '@yardmaster/sdk';
import { YardProcess } from '../support/yard-process.ts';
import { atRest, settled } from './at-rest.ts';
import { noops } from './load.ts';
import { print, rate } from './measure.ts';
import { checked, repeat, type Plan } from './plan.ts';

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
