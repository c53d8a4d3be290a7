import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LEASE_TTL_MS } from '@yardmaster/contracts';
import type { WorkerHttp } from '@yardmaster/sdk/session';
import type { Interpreters } from '../attempt/interpreters.js';
import type { LogUpload } from '../attempt/log-upload.js';
import { ProcessTable } from '../attempt/process-table.js';
import { Reaper } from '../attempt/reaper.js';
import type { AttemptHost } from '../attempt/running-attempt.js';
import type { ScriptCache } from '../attempt/script-cache.js';
import { WorkDirs } from '../attempt/work-dirs.js';
import { AdoptedSlot } from '../launch/adopted-slot.js';
import { SlotPool } from '../launch/slot-pool.js';
import type { Adoptable } from './adoption.js';
import { Warden } from './warden.js';

/**
 * Lease times that have a bay: an attempt goes to that of the longest which is not longer than its own. Its warden acts by that
 * time, so sooner than it had to, never later; few of them are enough.
 */
const STEPS_MS = [LEASE_TTL_MS, 60_000, 120_000, 300_000, 600_000, 900_000] as const;

export function bayTtlOf(leaseTtlMs: number | undefined): number {
  return STEPS_MS.findLast((step) => step <= (leaseTtlMs ?? LEASE_TTL_MS)) ?? LEASE_TTL_MS;
}

export interface BayOptions {
  /** Its directory; made, and removed by `close`. */
  readonly run: string;
  /** An earlier agent made it. */
  readonly isAdopted?: boolean;
  readonly incarnation: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly checkpointsDir: string;
  readonly logCapBytes: number;
  readonly shell?: string | null;
  readonly http: WorkerHttp;
  readonly scripts: ScriptCache;
  readonly interpreters: Interpreters;
  /** What attempts here have left of their leases, ms. */
  readonly leftMs: () => number;
  readonly isOnline: () => boolean;
  readonly keep: (uploads: readonly LogUpload[], remove: () => void) => void;
}

/**
 * Where attempts with leases of one length run: directories, launchers, and a warden that holds their time. One number tells a
 * warden until when everything in its directory may run, so what may run for longer has a directory and a warden of its own.
 */
export class Bay {
  readonly host: AttemptHost;
  readonly pool: SlotPool;
  readonly reaper: Reaper;
  readonly #warden: Warden;
  running = 0;
  #isTaken = false;

  constructor(private readonly options: BayOptions) {
    const { run, environment, http, shell } = options;
    for (const part of ['attempts', 'io', 'slots'])
      mkdirSync(join(run, part), { recursive: true, mode: 0o700 });
    const [attemptsDir, ioDir] = [join(run, 'attempts'), join(run, 'io')];
    this.reaper = new Reaper(new ProcessTable(`${ioDir}/`, `${attemptsDir}/`));
    this.pool = new SlotPool({
      dir: join(run, 'slots'),
      environment,
      keep: 2 * availableParallelism() + 2,
      ...(shell === undefined ? {} : { shell }),
    });
    this.#warden = new Warden({
      run,
      incarnation: options.incarnation,
      isAdopted: options.isAdopted === true,
      path: environment['PATH'] ?? '',
      shell: this.pool.shell,
      leftMs: options.leftMs,
    });
    const { checkpointsDir, logCapBytes, scripts, interpreters, isOnline, keep } = options;
    this.host = {
      attemptsDir,
      ioDir,
      checkpointsDir,
      logCapBytes,
      pool: this.pool,
      http,
      reaper: this.reaper,
      dirs: new WorkDirs(join(run, 'spare')),
      scripts,
      interpreters,
      isOnline,
      hasWardenEnded: (group) => this.#warden.hasEnded(group),
      keep,
    };
  }

  began(): void {
    this.running++;
    this.#warden.guard();
  }

  /** One that an earlier agent began: its warden holds the time until `take`. */
  adopt({ dir, pid, note }: Adoptable): AdoptedSlot {
    const slot = new AdoptedSlot(dir, pid, note);
    this.pool.adopt(slot, dir);
    this.running++;
    return slot;
  }

  take(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#warden.take();
  }

  ended(): void {
    this.running--;
  }

  /** Looked at every few seconds. */
  rest(): void {
    if (this.running === 0) this.#warden.rest();
  }

  /** Nothing runs here any more, and nothing will. */
  async close(): Promise<void> {
    this.reaper.sweep(() => false);
    this.pool.close();
    await this.#warden.dismiss();
    rmSync(this.options.run, { recursive: true, force: true, maxRetries: 3 });
  }
}
