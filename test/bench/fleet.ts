import { WorkerSession } from '@yardmaster/sdk';
import type { Assignment } from '@yardmaster/contracts';

// Many workers in one process, each with a session of its own, as many machines would have: `fleet.ts URL WORKERS WORK_MS`. Prints what
// happened so far, a JSON line a second, and a last one when it is told to end.

const [url = '', workers = '2000', workMs = '50'] = process.argv.slice(2);
/** A worker whose heartbeats are answered in time has at least this long to run what it has, ms: the rest of 22 s after one was missed. */
let leastLeaseMs = Infinity;
let [joined, lost, silent, killed, ended] = [0, 0, 0, 0, 0];
const whyLost = new Map<string, number>();
let isEnding = false;

class SimulatedWorker {
  readonly #running = new Map<string, readonly [string, number, number]>();
  readonly session: WorkerSession;

  constructor(i: number) {
    this.session = new WorkerSession({
      url,
      token: process.env['YARD_TOKEN'] ?? '',
      worker: `fleet-${String(i)}`,
      join: {
        incarnation: `fleet-${String(process.pid)}`,
        kind: 'sdk',
        name: `fleet-${String(i)}`,
        capacity: { slots: 2 },
        handlers: ['fleet'],
        labels: {},
      },
      running: () => [...this.#running.values()],
      onRun: (assignments) => {
        for (const one of assignments) this.#run(one);
      },
      onKill: (orders) => {
        killed += orders.length;
        for (const [task] of orders) this.#running.delete(task);
      },
      onSilence: () => {
        silent++;
      },
      onJoined: () => {
        joined++;
      },
      onLost: (why) => {
        if (isEnding) return;
        lost++;
        whyLost.set(why, (whyLost.get(why) ?? 0) + 1);
      },
    });
  }

  #run([task, attempt, fence]: Assignment): void {
    if (this.#running.get(task)?.[2] === fence) return;
    this.#running.set(task, [task, attempt, fence]);
    setTimeout(() => {
      if (this.#running.get(task)?.[2] !== fence) return;
      this.#running.delete(task);
      ended++;
      this.session.report([task, attempt, fence, 'ok', null, null, null, null]);
    }, Number(workMs));
  }
}

const fleet = Array.from({ length: Number(workers) }, (_, i) => new SimulatedWorker(i));
// A fleet starts within seconds, not within one instant.
for (const { session } of fleet)
  setTimeout(() => {
    session.start();
  }, Math.random() * 10_000);

function tell(): void {
  const up = fleet.filter(({ session }) => session.isJoined);
  if (up.length === fleet.length)
    for (const { session } of up) leastLeaseMs = Math.min(leastLeaseMs, session.leaseLeftMs());
  const unsettled = fleet.reduce((sum, { session }) => sum + session.unsettled, 0);
  const told = { up: up.length, joined, lost, silent, killed, ended, unsettled, leastLeaseMs };
  process.stdout.write(`${JSON.stringify({ ...told, whyLost: Object.fromEntries(whyLost) })}\n`);
}
const telling = setInterval(tell, 1_000);
process.once('SIGTERM', () => {
  tell();
  isEnding = true;
  clearInterval(telling);
  void Promise.all(fleet.map(({ session }) => session.close())).then(() => process.exit(0));
});
