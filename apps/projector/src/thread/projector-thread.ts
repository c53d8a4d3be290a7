import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Logger, Metrics } from '@yardmaster/service-kit';
import type { Figure, Stop, ThreadData } from './messages.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A batch is let go soon after it is written: more room only spreads it over more memory. */
const YOUNG_GENERATION_MB = 48;

export interface ProjectorThreadOptions {
  readonly data: ThreadData;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'set'>;
}

/**
 * The projector in a thread of its own, so that its folding, its garbage and its sockets take nothing from the event loop
 * that the roles share. It reads the log from the broker like any other process. When it fails, it is started again: the
 * stored positions say where it goes on.
 */
export class ProjectorThread {
  #worker: Worker | null = null;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(private readonly options: ProjectorThreadOptions) {}

  start(): void {
    this.#stop = new AbortController();
    this.#done = this.#keepGoing(this.#stop.signal);
  }

  /** Resolves when the thread has ended, after the transaction under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#worker?.postMessage({ kind: 'stop' } satisfies Stop);
    await this.#done;
  }

  async #keepGoing(stop: AbortSignal): Promise<void> {
    const { data, logger } = this.options;
    let pause = FIRST_PAUSE_MS;
    for (let isFirst = true; !stop.aborted; isFirst = false) {
      // What was thrown away to be made anew is not thrown away again.
      const failure = await this.#run({ ...data, isRebuilding: data.isRebuilding && isFirst });
      if (stop.aborted) return;
      logger.error({ err: failure }, 'the projector has failed; it is started again');
      await sleep(pause, undefined, { signal: stop }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One thread from its start to its end; gives what it failed with. */
  #run(workerData: ThreadData): Promise<unknown> {
    const { metrics } = this.options;
    return new Promise((resolve) => {
      const worker = new Worker(new URL('./projector.thread.js', import.meta.url), {
        name: 'projector',
        workerData,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      });
      this.#worker = worker;
      let failure: unknown = null;
      worker.on('message', ({ name, value, labels }: Figure) => {
        metrics.set(name, value, labels);
      });
      worker.once('error', (error) => {
        failure = error;
      });
      worker.once('exit', () => {
        this.#worker = null;
        resolve(failure);
      });
    });
  }
}
