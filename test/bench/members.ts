import { Yard } from '@yardmaster/sdk';
import { WorkerProcess, YardProcess } from '../support/yard-process.ts';
import { settled } from './at-rest.ts';
import { print } from './measure.ts';
import { pause, type Plan } from './plan.ts';

const WORKFLOWS = 30;
const DEPTH = 10;
const WORKERS = 4;
/** So few at once that the tasks last for a good many changes of workers. */
const SLOTS = 12;
/** A worker that was killed is missed for 30 s, and with it whatever it held: the next is killed before. */
const CHURN_MS = 4_000;

/**
 * `members.churn`: 30,000 tasks of workflows that run while their workers come and go: every four seconds one of four is killed, or
 * told to go, and another comes. All of them have to end well; the time that it takes says nothing of the yard alone.
 */
export async function benchMembers(plan: Plan): Promise<void> {
  if (!plan.wants('members.churn')) return;
  const process = await YardProcess.start();
  const yard = new Yard({ url: process.url, token: process.token });
  const workers = Array.from({ length: WORKERS }, () => new WorkerProcess(process, SLOTS));
  let [killed, left] = [0, 0];
  try {
    await settled(process);
    const each = plan.quick ? 100 : 1_000;
    const began = performance.now();
    const workflows = [];
    for (let i = 0; i < WORKFLOWS; i++)
      workflows.push(await yard.workflows.submit({ name: `members-${String(i)}`, tasks: members(each) }));
    let isOver = false;
    const ended = Promise.all(workflows.map((workflow) => workflow.wait({ timeout: '60m' }))).finally(() => {
      isOver = true;
    });
    const churn = (async (): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        await pause(CHURN_MS);
        const worker = workers.shift();
        workers.push(new WorkerProcess(process, SLOTS));
        if (i % 3 === 2) {
          left++;
          await worker?.stop();
        } else {
          killed++;
          await worker?.stop('SIGKILL');
        }
      }
    })();
    const states = (await ended).map(({ state }) => state);
    await churn;
    const bad = states.filter((state) => state !== 'succeeded');
    if (bad.length > 0)
      throw new Error(`${String(bad.length)} of ${String(WORKFLOWS)} ended as ${bad.join(', ')}`);
    print({
      name: 'members.churn',
      unit: 's',
      n: WORKFLOWS * each,
      values: [(performance.now() - began) / 1_000],
      more: { workflows: WORKFLOWS, succeeded: states.length, killed, left },
    });
  } finally {
    await yard.close();
    await Promise.all(workers.map((worker) => worker.stop()));
    await process.stop();
  }
}

/** Ten rows, each of which needs one of the row before; some hold their worker for a moment, so that a kill always meets some. */
function members(n: number): Parameters<Yard['workflows']['submit']>[0]['tasks'] {
  const row = n / DEPTH;
  return Array.from({ length: n }, (_, i) => ({
    name: `m${String(i)}`,
    run: { handler: i % 3 === 0 ? 'pause' : 'noop' },
    // What is lost is another try, and there may be many.
    retry: { lost: 50 },
    dependsOn: i < row ? [] : [`m${String(i - row)}`],
  }));
}
