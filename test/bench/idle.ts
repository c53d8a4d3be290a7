import { isAlive } from '../support/processes.ts';
import { treeOf, useOf, YardProcess } from '../support/yard-process.ts';
import { print, quantile } from './measure.ts';
import { pause, type Plan } from './plan.ts';

export async function benchIdle(plan: Plan): Promise<void> {
  if (!plan.wants('idle.rss') && !plan.wants('idle.cpu')) return;
  const process = await YardProcess.start();
  try {
    await pause(plan.quick ? 5_000 : 20_000);
    const tree = treeOf(process.home);
    // One that ended meanwhile has nothing to tell.
    const alive = (): number[] => tree.filter((pid) => isAlive(pid));
    const sum = (): number => alive().reduce((total, pid) => total + useOf(pid).cpuSeconds, 0);
    const seconds = plan.quick ? 5 : 12;
    const own: number[] = [];
    const whole: number[] = [];
    for (let run = 0; run < plan.runs; run++) {
      const before = { own: useOf(process.pid).cpuSeconds, tree: sum() };
      await pause(seconds * 1000);
      own.push(((useOf(process.pid).cpuSeconds - before.own) / seconds) * 100);
      whole.push(((sum() - before.tree) / seconds) * 100);
    }
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
      values: own,
      more: { tree: Math.round(quantile(whole, 0.5) * 10) / 10 },
    });
  } finally {
    await process.stop();
  }
}
