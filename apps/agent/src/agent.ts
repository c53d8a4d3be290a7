import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import type { Assignment, HeldAttempt, KillOrder } from '@yardmaster/contracts';
import { WorkerHttp, WorkerSession } from '@yardmaster/sdk/session';
import { Interpreters } from './attempt/interpreters.js';
import type { LogUpload } from './attempt/log-upload.js';
import { nameOf, RunningAttempt } from './attempt/running-attempt.js';
import { ScriptCache } from './attempt/script-cache.js';
import { attemptEnvironment, type AgentConfig } from './config/agent-config.js';
import { measureCapacity } from './config/capacity.js';
import type { Log } from './log.js';
import { AgentState } from './state/agent-state.js';
import type { Bay } from './state/bay.js';
import { Bays, type SharedBayOptions } from './state/bays.js';
import { FileReportJournal } from './state/file-report-journal.js';
import { clearEarlierRuns, type AdoptedRun, type Leftovers } from './state/leftovers.js';

const TICK_MS = 25;
/** While so many attempts wait for a launcher, ends share a write to disk, a frame and the commits they lead to: no processor waits for them. */
const QUEUED = 2 * availableParallelism();
const GATHER_MS = 20;
const SWEEP_MS = 2_000;
/** An attempt may finish on its own for this long when the agent stops. */
const FINISH_MS = 1_000;
const UPLOAD_AGAIN_MS = 5_000;

/**
 * Runs scripts and commands of a yard on this machine.
 *
 * Owns: its state directory (one agent at a time), every process it starts and what these leave behind, what an agent that
 * was killed left running there, its reports until they are answered. It starts what it was granted and nothing else; how
 * much that is, the yard decides.
 */
export class Agent {
  readonly #state: AgentState;
  readonly #session: WorkerSession;
  readonly #http: WorkerHttp;
  readonly #journal: FileReportJournal;
  readonly #bays: Bays;
  readonly #running = new Map<string, RunningAttempt>();
  #waiting: Assignment[] = [];
  #kept: { readonly uploads: readonly LogUpload[]; readonly remove: () => void }[] = [];
  #tick: NodeJS.Timeout | undefined;
  readonly #sweep: NodeJS.Timeout;
  readonly #uploadAgain: NodeJS.Timeout;
  #endedSinceSweep = false;
  #stopping: Promise<void> | null = null;

  /** Takes the state directory, or throws AgentRunsAlreadyError. */
  static async start(config: AgentConfig, log: Log, onGone: () => void = () => undefined): Promise<Agent> {
    const state = new AgentState(config.dir, config.id);
    const http = new WorkerHttp(config.url, config.token);
    const journal = new FileReportJournal(join(state.dir, 'reports.journal'));
    const leftovers = await clearEarlierRuns(state, journal, http, log);
    return new Agent(config, log, state, http, journal, leftovers, onGone);
  }

  private constructor(
    private readonly config: AgentConfig,
    private readonly log: Log,
    state: AgentState,
    http: WorkerHttp,
    journal: FileReportJournal,
    { orphaned, adopted }: Leftovers,
    onGone: () => void,
  ) {
    this.#state = state;
    this.#http = http;
    this.#journal = journal;
    const environment = attemptEnvironment(process.env);
    const shared: SharedBayOptions = {
      incarnation: state.incarnation,
      environment,
      checkpointsDir: join(state.dir, 'checkpoints'),
      logCapBytes: config.logCapBytes,
      ...(config.shell === undefined ? {} : { shell: config.shell }),
      http,
      scripts: new ScriptCache(join(state.dir, 'scripts'), (tenant, sha256) => http.getBlob(tenant, sha256)),
      interpreters: new Interpreters(environment['PATH'] ?? ''),
      isOnline: () => this.#session.isJoined,
      keep: (uploads, remove) => {
        this.#kept.push({ uploads, remove });
      },
    };
    this.#bays = new Bays(shared, state.run, (leaseTtlMs) => this.#session.leaseLeftMs(leaseTtlMs));
    this.#bays.first.pool.warm(2);
    this.#session = new WorkerSession({
      url: config.url,
      token: config.token,
      worker: state.worker,
      journal,
      gatherMs: () => (this.#bays.first.pool.waiting >= QUEUED ? GATHER_MS : 0),
      join: {
        incarnation: state.incarnation,
        kind: 'agent',
        name: config.name,
        capacity: measureCapacity(state.dir, config.resources),
        handlers: [],
        labels: config.labels,
      },
      running: () => this.#held(),
      load: () => Math.min(1, loadavg()[0]! / availableParallelism()),
      onRun: (assignments) => {
        this.#take(assignments);
      },
      onKill: (orders) => {
        this.#kill(orders);
      },
      onSilence: (isOver) => {
        this.#endLost(isOver);
      },
      onRefused: (code, detail) => {
        log('warn', 'the yard refuses this agent', { code, detail });
      },
      onJoined: (epoch) => {
        log('info', 'joined', {
          worker: state.worker,
          epoch,
          held: this.#running.size,
          unsettled: this.#session.unsettled,
        });
        this.#bays.take();
        void this.#bringKept();
      },
      onLost: (why) => {
        log('info', 'not connected', { why });
      },
    });
    this.#sweep = setInterval(() => {
      const now = performance.now();
      this.#bays.rest(this.#kept.length === 0);
      for (const attempt of this.#running.values()) attempt.checkLauncher(now);
      if (this.#endedSinceSweep) {
        this.#endedSinceSweep = false;
        let killed = 0;
        for (const { reaper } of this.#bays)
          killed += reaper.sweep((name) => this.#running.get(name)?.isLive === true);
        if (killed > 0) log('warn', 'ended processes that outlived their attempts', { killed });
      }
      // Deleting the directory is how a yard is thrown away.
      if (!state.isThere() && this.#stopping === null) onGone();
    }, SWEEP_MS);
    this.#uploadAgain = setInterval(() => {
      if (this.#session.isJoined) void this.#bringKept();
    }, UPLOAD_AGAIN_MS);
    for (const run of adopted) this.#adopt(run);
    this.#session.start();
    for (const report of orphaned) this.#session.report(report);
  }

  get worker(): string {
    return this.#state.worker;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Takes nothing new, gives attempts a moment and then ends them, brings over what it can, and leaves no process. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#idleWithin(FINISH_MS);
    const now = performance.now();
    for (const attempt of this.#running.values()) attempt.stop('drained', now);
    this.#tellStrays();
    for (const [task, attempt, fence] of this.#waiting.splice(0))
      this.#session.report([task, attempt, fence, 'drained', null, null, null, 'the worker is stopping']);
    await this.#idleWithin(10_000);
    if (this.#session.isJoined) {
      await this.#bringKept();
      await this.#session.settled(2_000);
    }
    clearInterval(this.#sweep);
    clearInterval(this.#uploadAgain);
    clearInterval(this.#tick);
    await this.#session.close();
    this.#http.close();
    await this.#bays.close();
    this.#journal.close();
    this.#state.release();
  }

  async #idleWithin(ms: number): Promise<void> {
    for (const until = performance.now() + ms; this.#running.size > 0 && performance.now() < until;)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  #take(assignments: readonly Assignment[]): void {
    const now = performance.now();
    for (const assignment of assignments) {
      const [task, attempt, fence, work] = assignment;
      const name = nameOf(work.tenant, task, attempt, fence);
      // Said twice: it runs already, or its report is on the way.
      if (this.#running.has(name) || this.#session.isUnsettled(task, attempt, fence)) continue;
      // What arrives while stopping waits to be given back.
      if (this.#running.size >= this.config.maxAttempts || this.#stopping !== null)
        this.#waiting.push(assignment);
      else this.#begin(assignment, now);
    }
  }

  #begin(assignment: Assignment, now: number): void {
    const bay = this.#bays.of(assignment[3].leaseTtlMs);
    bay.began();
    this.#watch(RunningAttempt.assigned(assignment, bay.host, now), bay);
  }

  /** Goes on with what an earlier agent began. */
  #adopt(run: AdoptedRun): void {
    const bay = this.#bays.adopt(run);
    const now = performance.now();
    for (const found of run.attempts)
      this.#watch(RunningAttempt.adopted(found, bay.adopt(found), run.leaseTtlMs, bay.host, now), bay);
  }

  #watch(attempt: RunningAttempt, bay: Bay): void {
    const { name } = attempt;
    this.#running.set(name, attempt);
    this.#tick ??= setInterval(() => {
      this.#onTick();
    }, TICK_MS);
    void attempt.run().then((report) => {
      this.#running.delete(name);
      bay.ended();
      this.#endedSinceSweep = true;
      if (report !== null) this.#session.report(report);
      const next = this.#stopping === null ? this.#waiting.shift() : undefined;
      if (next !== undefined) this.#begin(next, performance.now());
      if (this.#running.size === 0) {
        clearInterval(this.#tick);
        this.#tick = undefined;
      }
    });
  }

  #onTick(): void {
    const now = performance.now();
    let toTell = false;
    for (const attempt of this.#running.values()) {
      const before = attempt.stopping;
      attempt.tick(now);
      if (before === null && attempt.stopping !== null) toTell = true;
    }
    if (toTell) this.#tellStrays();
  }

  /** SIGTERM for what left the groups of attempts that have to end. */
  #tellStrays(): void {
    const names = new Set<string>();
    for (const attempt of this.#running.values())
      if (attempt.stopping !== null && attempt.isLive) names.add(attempt.name);
    if (names.size > 0) for (const { reaper } of this.#bays) reaper.tell(names, 'SIGTERM');
  }

  #kill(orders: readonly KillOrder[]): void {
    const now = performance.now();
    for (const [task, number, fence, reason] of orders) {
      const attempt = this.#find(task, number, fence);
      if (attempt !== undefined) {
        if (reason === 'lost') attempt.abandon(now);
        else attempt.stop(reason, now);
        continue;
      }
      const at = this.#waiting.findIndex((one) => one[0] === task && one[1] === number && one[2] === fence);
      if (at >= 0) this.#waiting.splice(at, 1);
      // Whoever gave the order waits for an end, also of an attempt that never arrived here.
      if (reason !== 'lost' && !this.#session.isUnsettled(task, number, fence))
        this.#session.report([task, number, fence, reason, null, null, null, null]);
    }
    this.#tellStrays();
  }

  #find(task: string, number: number, fence: number): RunningAttempt | undefined {
    for (const attempt of this.#running.values())
      if (attempt.task === task && attempt.attempt === number && attempt.fence === fence) return attempt;
    return undefined;
  }

  /** Ends what has no lease any more; said again while the silence lasts. */
  #endLost(isOver: (leaseTtlMs: number | undefined) => boolean): void {
    const why = 'no heartbeat was answered in time';
    const now = performance.now();
    const lost = [...this.#running.values()].filter(
      ({ stopping, leaseTtlMs }) => stopping === null && isOver(leaseTtlMs),
    );
    const unbegun = this.#waiting.filter(([, , , work]) => isOver(work.leaseTtlMs));
    if (lost.length + unbegun.length === 0) return;
    this.log('warn', 'ending attempts', { why, attempts: lost.length });
    for (const attempt of lost) attempt.stop('lost', now);
    this.#tellStrays();
    this.#waiting = this.#waiting.filter((one) => !unbegun.includes(one));
    for (const [task, attempt, fence] of unbegun)
      this.#session.report([task, attempt, fence, 'lost', null, null, null, why]);
  }

  async #bringKept(): Promise<void> {
    const kept = this.#kept;
    this.#kept = [];
    for (const one of kept) {
      const all = await Promise.all(one.uploads.map((upload) => upload.push()));
      if (all.every(Boolean)) one.remove();
      else this.#kept.push(one);
    }
  }

  #held(): HeldAttempt[] {
    const held: HeldAttempt[] = [];
    for (const { task, attempt, fence } of this.#running.values()) held.push([task, attempt, fence]);
    for (const [task, attempt, fence] of this.#waiting) held.push([task, attempt, fence]);
    return held;
  }
}
