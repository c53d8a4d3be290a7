import { constants as system } from 'node:os';
import { INLINE_LIMIT, type Assignment, type KillOrder, type Report, type Work } from '@yardmaster/contracts';
import { retryTransient } from '@yardmaster/sdk/session';
import type { AdoptedSlot } from '../launch/adopted-slot.js';
import type { LaunchEvents, ProcessEnd, Slot } from '../launch/launch.js';
import type { SlotPool } from '../launch/slot-pool.js';
import type { Adoptable } from '../state/adoption.js';
import { AttemptFiles, type AttemptDirs } from './attempt-files.js';
import { AttemptOutput } from './attempt-output.js';
import { planLaunch, Unfit, type LaunchSources } from './launch-plan.js';
import type { LogUpload } from './log-upload.js';
import { isAlive, isThere, signal } from './process-table.js';
import type { Reaper } from './reaper.js';

export interface AttemptHost extends AttemptDirs, LaunchSources {
  readonly logCapBytes: number;
  readonly pool: SlotPool;
  readonly reaper: Reaper;
  /** Someone is there to take output now. */
  isOnline(): boolean;
  /** The warden told this process group to end, while the agent stood still. */
  hasWardenEnded(group: number): boolean;
  /** Output that could not be brought over yet. */
  keep(uploads: readonly LogUpload[], remove: () => void): void;
}

interface AttemptId {
  readonly tenant: number;
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
}

/** What to start, or the launcher that runs it already. */
type Origin = { readonly work: Work } | { readonly slot: AdoptedSlot };

interface Begun {
  readonly slot: Slot;
  readonly run: (events: LaunchEvents) => Promise<ProcessEnd>;
}

export type StopReason = KillOrder[3] | 'drained';

/** Between SIGTERM and SIGKILL. */
export const TERM_GRACE_MS = 3_000;
/** From this age on output is passed on as it comes. */
const ATTACH_AFTER_MS = 25;
const PUSH_EVERY_MS = 400;
/** A launcher that is overloaded may take long. */
const START_MS = 20_000;
const SIGNALS = new Map(Object.entries(system.signals).map(([name, number]) => [number, name]));

/**
 * One attempt on this machine, from its assignment to its report.
 *
 * Order at the end: the process has ended and nothing of it is left, its output is with the yard (or kept for later),
 * its directory is gone; only then is there a report.
 */
export class RunningAttempt {
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  readonly name: string;
  readonly #tenant: number;
  readonly #deadline: number;
  readonly #files: AttemptFiles;
  readonly #output: AttemptOutput;
  #slot: Slot | null = null;
  #pid: number | null = null;
  #startedAt = 0;
  #isAttached = false;
  #pushedAt = 0;
  #stopping: StopReason | null = null;
  #termAt = 0;
  #isKilled = false;
  #isLive = true;
  #isUnwanted = false;
  #wasGone = false;

  private constructor(
    id: AttemptId,
    private readonly capMs: number,
    /** Of its lease, where that is not the default, ms. */
    readonly leaseTtlMs: number | undefined,
    private readonly origin: Origin,
    private readonly host: AttemptHost,
    now: number,
  ) {
    const { tenant, task, attempt, fence } = id;
    this.task = task;
    this.attempt = attempt;
    this.fence = fence;
    this.name = nameOf(tenant, task, attempt, fence);
    this.#tenant = tenant;
    this.#deadline = now + capMs;
    this.#files = new AttemptFiles(host, tenant, task, this.name);
    this.#output = new AttemptOutput(host, this.#files, id);
  }

  static assigned([task, attempt, fence, work]: Assignment, host: AttemptHost, now: number): RunningAttempt {
    const id = { tenant: work.tenant, task, attempt, fence };
    return new RunningAttempt(id, work.capMs, work.leaseTtlMs, { work }, host, now);
  }

  /** One that an earlier agent began. */
  static adopted(
    found: Adoptable,
    slot: AdoptedSlot,
    leaseTtlMs: number | undefined,
    host: AttemptHost,
    now: number,
  ): RunningAttempt {
    // From the wall clock to this process's own.
    const startedAt = now - Math.max(0, Date.now() - found.note.startedAt);
    const capMs = found.deadline - found.note.startedAt;
    const one = new RunningAttempt(found, capMs, leaseTtlMs, { slot }, host, startedAt);
    one.#startedAt = startedAt;
    one.#files.resume();
    one.#output.resume();
    return one;
  }

  /** Processes of it may be about. */
  get isLive(): boolean {
    return this.#isLive;
  }

  get stopping(): StopReason | null {
    return this.#stopping;
  }

  /** Runs it; null when nobody waits for its report. */
  async run(): Promise<Report | null> {
    let report: Report;
    try {
      report = await this.#attempt();
    } catch (error) {
      const outcome = error instanceof Unfit ? error.outcome : 'infra';
      report = this.#report(
        outcome,
        null,
        null,
        null,
        error instanceof Error ? error.message : String(error),
      );
    }
    this.#isLive = false;
    this.#files.tidy(report[3] === 'ok');
    await this.#output.bring();
    return this.#isUnwanted ? null : report;
  }

  /** Ends it: SIGTERM to all of it now, SIGKILL after the grace. The first reason stays. */
  stop(reason: StopReason, now: number): void {
    if (this.#stopping !== null) return;
    // It ended while nobody here could look: how, is about to be heard.
    if ((reason === 'lost' || reason === 'over-cap') && this.#hasEnded()) return;
    this.#stopping = reason;
    this.#termAt = now;
    this.#slot?.condemn();
    if (this.#pid !== null) this.#signalGroup('SIGTERM');
  }

  /** As `stop`, for an attempt whose lease is gone already: nobody wants to hear how it ended. */
  abandon(now: number): void {
    // What it says of its end may be wanted all the same: nobody else may have been given the task yet.
    if (!this.#isLive || this.#hasEnded()) return;
    this.#isUnwanted = true;
    this.stop('lost', now);
  }

  /** Looked at many times a second: the cap, the grace, output. */
  tick(now: number): void {
    if (!this.#isLive) return;
    if (this.#stopping === null && now >= this.#deadline) this.stop('over-cap', now);
    if (this.#stopping !== null && !this.#isKilled && now - this.#termAt >= TERM_GRACE_MS) {
      this.#isKilled = true;
      if (this.#pid !== null) this.#signalGroup('SIGKILL');
      void this.host.reaper.reap(this.name);
    }
    if (this.#pid === null || now - this.#startedAt < ATTACH_AFTER_MS) return;
    if (!this.#isAttached) {
      this.#isAttached = true;
      this.#slot?.attach();
    }
    if (now - this.#pushedAt >= PUSH_EVERY_MS && this.host.isOnline()) {
      this.#pushedAt = now;
      this.#output.push();
    }
  }

  #wasStopped(): boolean {
    return this.#stopping !== null;
  }

  /** Nothing of its group is left, though its launcher has not said so yet. */
  #hasEnded(): boolean {
    return this.#pid !== null && !isThere(-this.#pid);
  }

  /**
   * Looked at every few seconds: a launcher that says nothing though its attempt is gone, or has not started it for
   * long, is given up, or the task would wait for its cap.
   */
  checkLauncher(now: number): void {
    if (this.#slot === null) return;
    const isGone = this.#pid === null ? now - this.#startedAt > START_MS : !isAlive(this.#pid);
    if (isGone && this.#wasGone) this.#slot.abort();
    this.#wasGone = isGone;
  }

  async #attempt(): Promise<Report> {
    if (!/^\d+-\d+-\d+-\d+$/.test(this.name)) throw new Unfit('infra', `not an attempt: ${this.name}`);
    const begun = 'slot' in this.origin ? this.#goOn(this.origin.slot) : await this.#begin(this.origin.work);
    if (begun === null) return this.#stopped(null);
    this.#slot = begun.slot;
    const events: LaunchEvents = {
      onStarted: (pid) => {
        this.#pid = pid;
        if (this.#stopping !== null) this.#signalGroup('SIGTERM');
      },
      onOutput: (stream, chunk) => {
        this.#output.write(stream, chunk);
      },
    };
    let end: ProcessEnd;
    try {
      end = await begun.run(events);
    } finally {
      this.#slot = null;
      this.host.pool.giveBack(begun.slot);
    }
    if (this.#stopping === null && this.#pid !== null && this.host.hasWardenEnded(this.#pid))
      this.#stopping = 'lost';
    // A launcher that died knows nothing of what it started.
    if (end.failure !== null && this.#pid !== null) this.#signalGroup('SIGKILL');
    let isGone = true;
    if (this.#wasStopped() || !end.isQuiet || end.failure !== null)
      isGone = await this.host.reaper.reap(this.name);
    if (this.#wasStopped()) return this.#stopped(end, isGone);
    if (end.failure !== null) {
      return this.#report(
        this.#pid === null ? 'infra' : 'lost',
        null,
        end,
        null,
        this.#pid === null ? `could not start: ${end.failure}` : `lost on its worker: ${end.failure}`,
      );
    }
    return await this.#ended(end);
  }

  #goOn(slot: AdoptedSlot): Begun {
    return { slot, run: async (events) => await slot.run(null, events) };
  }

  /** Null when it was stopped meanwhile. */
  async #begin(work: Work): Promise<Begun | null> {
    const { task, attempt, fence } = this;
    const deadline = Date.now() + this.#deadline - performance.now();
    const spec = await planLaunch(this.host, work, { task, attempt, fence, deadline }, this.#files);
    if (this.#wasStopped()) return null;
    const taken = this.host.pool.take(spec);
    const slot = taken instanceof Promise ? await taken : taken;
    if (this.#wasStopped()) {
      this.host.pool.giveBack(slot);
      return null;
    }
    this.#startedAt = performance.now();
    return { slot, run: async (events) => await slot.run(spec, events) };
  }

  async #ended(end: ProcessEnd): Promise<Report> {
    if (end.signal !== null)
      return this.#report(
        'app',
        128 + end.signal,
        end,
        null,
        `ended by signal ${SIGNALS.get(end.signal) ?? end.signal}${this.#output.lastWords}`,
      );
    if (end.code !== 0)
      return this.#report('app', end.code, end, null, `exit code ${end.code}${this.#output.lastWords}`);
    const bytes = this.#files.readResult();
    if (bytes === null) return this.#report('ok', 0, end, null, null);
    let result: unknown;
    try {
      result = JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      return this.#report(
        'app',
        0,
        end,
        null,
        `the result written to $YARD_OUTPUT is not JSON: ${(error as Error).message}`,
      );
    }
    if (bytes.length > INLINE_LIMIT) {
      const blob = Buffer.byteLength(JSON.stringify(result)) > INLINE_LIMIT ? bytes : null;
      if (blob !== null)
        result = { $blob: await retryTransient(6, () => this.host.http.putBlob(this.#tenant, blob)) };
    }
    return this.#report('ok', 0, end, result, null);
  }

  #stopped(end: ProcessEnd | null, isGone = true): Report {
    const reason = this.#stopping!;
    const leftOver = isGone ? '' : '; something of it could not be killed';
    const code = end === null ? null : end.signal !== null ? 128 + end.signal : end.code;
    switch (reason) {
      case 'over-cap':
        return this.#report(
          'over-cap',
          code,
          end,
          null,
          `over the execution cap: ended after ${Math.round(performance.now() - this.#startedAt)} ms (${this.capMs} ms of the cap were left when it came to this worker)${leftOver}`,
        );
      case 'lost':
        return this.#report(
          'lost',
          code,
          end,
          null,
          `no heartbeat was answered in time, so the worker ended it${leftOver}`,
        );
      case 'drained':
        return this.#report('drained', code, end, null, `the worker is stopping${leftOver}`);
      default:
        return this.#report(reason, code, end, null, leftOver === '' ? null : leftOver.slice(2));
    }
  }

  #report(
    outcome: Report[3],
    exitCode: number | null,
    end: ProcessEnd | null,
    result: unknown,
    error: string | null,
  ): Report {
    const usage =
      end === null
        ? null
        : {
            wallMs: end.wallMs ?? Math.round(performance.now() - this.#startedAt),
            cpuMs: end.cpuMs,
            maxRssBytes: null,
          };
    return [this.task, this.attempt, this.fence, outcome, exitCode, usage, result, error];
  }

  #signalGroup(name: NodeJS.Signals): void {
    signal(-this.#pid!, name);
    // A stopped process hears of its end only when it goes on.
    if (name === 'SIGTERM') signal(-this.#pid!, 'SIGCONT');
  }
}

export function nameOf(tenant: number, task: string, attempt: number, fence: number): string {
  return `${tenant}-${task}-${attempt}-${fence}`;
}
