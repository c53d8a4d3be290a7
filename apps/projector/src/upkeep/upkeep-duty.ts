import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowerRegister, Purger, Snapshotter } from '@yardmaster/service-kit';

/** Between two looks; the first comes after so long too, when everyone who follows has been heard. */
export const LOOK_MS = 60_000;

export interface UpkeepDutyOptions {
  readonly snapshotter: Pick<Snapshotter, 'runOnce'> | null;
  readonly purger: Pick<Purger, 'runOnce'> | null;
  readonly followers: Pick<FollowerRegister, 'load' | 'save'>;
  /** Lets go followers that are gone and whose duties others have. */
  readonly succeeded: () => Promise<void>;
  /** Hears who follows. */
  readonly listen: () => readonly { stop(): void }[];
  readonly onFailure: (error: Error) => void;
  readonly lookMs?: number;
}

/** Snapshots first, then what they allow to be purged; again and again until it is stopped. */
export class UpkeepDuty {
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(private readonly options: UpkeepDutyOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the role or the stream that it is at. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { snapshotter, purger, followers, succeeded, listen, onFailure, lookMs = LOOK_MS } = this.options;
    const { signal } = this.#stop;
    const doors = listen();
    try {
      while (!signal.aborted) {
        await sleep(lookMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) break;
        try {
          await followers.load();
          await succeeded();
          await snapshotter?.runOnce(signal);
          await purger?.runOnce(signal);
          await followers.save();
        } catch (error) {
          onFailure(error as Error);
        }
      }
    } finally {
      for (const door of doors) door.stop();
    }
  }
}
