import { setTimeout as sleep } from 'node:timers/promises';
import type { Archiver, CommittedLog } from '@yardmaster/service-kit';
import { Burst } from '../follow/burst.js';

/** Between two looks at the log: what is committed is in the archive within twice this, or that and `PATIENCE_MS` while much is coming. */
export const LOOK_MS = 5_000;
const PATIENCE_MS = 5_000;

/** Failures that waiting does not mend: going on would archive what is not the log. */
const HALTING = new Set(['archive-damaged', 'broken-chain', 'log-gap']);

export interface ArchiverDutyOptions {
  readonly archiver: Pick<Archiver, 'runOnce'>;
  readonly log: Pick<CommittedLog, 'arrived'>;
  /** Answers for the archive, also when the copying has halted. */
  readonly desk?: { start(): void; stop(): void };
  readonly onBehind: (messages: number) => void;
  readonly onFailure: (error: Error, isHalted: boolean) => void;
  readonly lookMs?: number;
}

/** Keeps the archive up to date until it is stopped, or finds what only a person can mend. */
export class ArchiverDuty {
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(private readonly options: ArchiverDutyOptions) {}

  start(): void {
    this.options.desk?.start();
    this.#running ??= this.#run();
  }

  /** Ends after the stream that it is at. */
  async stop(): Promise<void> {
    this.options.desk?.stop();
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { archiver, log, onBehind, onFailure, lookMs = LOOK_MS } = this.options;
    const { signal } = this.#stop;
    const burst = new Burst(log, { longestMs: PATIENCE_MS });
    while (!signal.aborted) {
      await burst.over(signal);
      try {
        onBehind((await archiver.runOnce(signal)).behind);
      } catch (error) {
        if (signal.aborted) return;
        const isHalted = HALTING.has(String((error as { readonly code?: unknown }).code));
        onFailure(error as Error, isHalted);
        if (isHalted) return;
      }
      await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
