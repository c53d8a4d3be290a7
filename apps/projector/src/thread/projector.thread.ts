import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { openRuntime } from '@yardmaster/composition';
import type { Metrics } from '@yardmaster/service-kit';
import { openArchiver } from '../archive/open-archiver.js';
import { Projections } from '../projections.js';
import { openUpkeep } from '../upkeep/open-upkeep.js';
import { storesOf } from '../stores.js';
import type { Figure, Stop, ThreadData } from './messages.js';

/** Where both want the processor, the roles get three quarters of it. */
const NICER = 5;
const NICEST = 19;

stepBack();
const port = parentPort;
if (port === null) throw new Error('this is the projector as a thread of a yard: it is started by that');
const { config, broker, stores, isRebuilding } = workerData as ThreadData;
const runtime = await openRuntime(config, broker);
const metrics: Pick<Metrics, 'set'> = {
  set: (name, value, labels?: Record<string, string>) => {
    port.postMessage({ kind: 'figure', name, value, labels: labels ?? {} } satisfies Figure);
  },
};
const projections = new Projections({
  log: runtime.committed,
  bus: runtime.bus,
  node: config.node,
  partitions: config.partitions,
  stores: storesOf(stores),
  logger: runtime.logger,
  metrics,
  isRebuilding,
});
projections.start();
const archiver = openArchiver({
  source: runtime.archive,
  committed: runtime.committed,
  bus: runtime.bus,
  partitions: config.partitions,
  logger: runtime.logger,
  metrics,
});
archiver.start();
const upkeep = openUpkeep({
  source: runtime.archive,
  bus: runtime.bus,
  clock: runtime.clock,
  config,
  logger: runtime.logger,
  metrics,
});
upkeep.start();
port.once('message', (_: Stop) => {
  void (async () => {
    await Promise.all([projections.stop(), archiver.stop(), upkeep.stop()]);
    await runtime.close();
    // Ends this thread alone.
    process.exit(0);
  })();
});

/** Where threads have priorities of their own. */
function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(path.basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(NICEST, getPriority() + NICER));
  } catch {
    // Without it, it only gets more of the processor than it needs.
  }
}
