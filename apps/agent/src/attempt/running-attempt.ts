import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { extname, join } from 'node:path';
import { INLINE_LIMIT, isBlobRef, type Assignment, type KillOrder, type Report, type Work } from '@yardmaster/contracts';
import { retryTransient, type WorkerHttp } from '@yardmaster/sdk/session';
import type { LaunchSpec, ProcessEnd, Slot } from '../launch/launch.js';
import type { SlotPool } from '../launch/slot-pool.js';
import { CapturedLog } from './captured-log.js';
import type { Interpreters } from './interpreters.js';
import { LogUpload } from './log-upload.js';
import { isAlive, signal } from './process-table.js';
import type { Reaper } from './reaper.js';
import type { ScriptCache } from './script-cache.js';
import type { WorkDirs } from './work-dirs.js';

export interface AttemptHost {
  /** Working directories, and files of inputs, results and output: both of this run alone. */
  readonly attemptsDir: string;
  readonly ioDir: string;
  readonly checkpointsDir: string;
  readonly logCapBytes: number;
  readonly pool: SlotPool;
  readonly http: WorkerHttp;
  readonly scripts: ScriptCache;
  readonly interpreters: Interpreters;
  readonly reaper: Reaper;
  readonly dirs: WorkDirs;
  /** Someone is there to take output now. */
  isOnline(): boolean;
  /** Output that could not be brought over yet. */
  keep(uploads: readonly LogUpload[], remove: () => void): void;
}

export type StopReason = KillOrder[3] | 'drained';

/** Between SIGTERM and SIGKILL. */
export const TERM_GRACE_MS = 3_000;
/** From this age on output is passed on as it comes. */
const ATTACH_AFTER_MS = 25;
const PUSH_EVERY_MS = 400;
/** A launcher that is overloaded may take long. */
const START_MS = 20_000;
const RESULT_BYTES = 64 * 1024 * 1024;
const SIGNALS = new Map(Object.entries(system.signals).map(([name, number]) => [number, name]));

/** Why an attempt ends without having been started, with its outcome. */
class Unfit extends Error {
  constructor(readonly outcome: 'infra' | 'permanent', message: string) {
    super(message);
  }
}

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
  readonly #work: Work;
  readonly #deadline: number;
  readonly #stdout: CapturedLog;
  readonly #stderr: CapturedLog;
  readonly #uploads: readonly [LogUpload, LogUpload];
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

  constructor([task, attempt, fence, work]: Assignment, private readonly host: AttemptHost, now: number) {
    this.task = task;
    this.attempt = attempt;
    this.fence = fence;
    this.name = nameOf(work.tenant, task, attempt, fence);
    this.#work = work;
    this.#deadline = now + work.capMs;
    this.#stdout = new CapturedLog(join(host.ioDir, `${this.name}.stdout`), host.logCapBytes);
    this.#stderr = new CapturedLog(join(host.ioDir, `${this.name}.stderr`), host.logCapBytes);
    this.#uploads = [
      new LogUpload(host.http, this.#stdout, work.tenant, task, attempt, 'stdout'),
      new LogUpload(host.http, this.#stderr, work.tenant, task, attempt, 'stderr'),
    ];
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
      report = this.#report(outcome, null, null, null, error instanceof Error ? error.message : String(error));
    }
    this.#isLive = false;
    this.#tidy(report[3] === 'ok');
    await this.#bringOutput();
    return this.#isUnwanted ? null : report;
  }

  /** Ends it: SIGTERM to all of it now, SIGKILL after the grace. The first reason stays. */
  stop(reason: StopReason, now: number): void {
    if (this.#stopping !== null) return;
    this.#stopping = reason;
    this.#termAt = now;
    if (this.#pid !== null) this.#signalGroup('SIGTERM');
  }

  /** As `stop`, for an attempt whose lease is gone already: nobody wants to hear how it ended. */
  abandon(now: number): void {
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
      if (this.#stdout.uploaded < this.#stdout.length) void this.#uploads[0].push();
      if (this.#stderr.uploaded < this.#stderr.length) void this.#uploads[1].push();
    }
  }

  #wasStopped(): boolean {
    return this.#stopping !== null;
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
    const spec = await this.#prepare();
    if (this.#wasStopped()) return this.#stopped(null);
    const taken = this.host.pool.take(spec);
    const slot = taken instanceof Promise ? await taken : taken;
    if (this.#wasStopped()) {
      this.host.pool.giveBack(slot);
      return this.#stopped(null);
    }
    this.#slot = slot;
    this.#startedAt = performance.now();
    let end: ProcessEnd;
    try {
      end = await slot.run(spec, {
        onStarted: (pid) => {
          this.#pid = pid;
          if (this.#stopping !== null) this.#signalGroup('SIGTERM');
        },
        onOutput: (stream, chunk) => { (stream === 'stdout' ? this.#stdout : this.#stderr).write(chunk); },
      });
    } finally {
      this.#slot = null;
      this.host.pool.giveBack(slot);
    }
    // A launcher that died knows nothing of what it started.
    if (end.failure !== null && this.#pid !== null) this.#signalGroup('SIGKILL');
    let isGone = true;
    if (this.#wasStopped() || !end.isQuiet || end.failure !== null) isGone = await this.host.reaper.reap(this.name);
    if (this.#wasStopped()) return this.#stopped(end, isGone);
    if (end.failure !== null) {
      return this.#report(this.#pid === null ? 'infra' : 'lost', null, end, null, this.#pid === null ? `could not start: ${end.failure}` : `lost on its worker: ${end.failure}`);
    }
    return await this.#ended(end);
  }

  async #ended(end: ProcessEnd): Promise<Report> {
    if (end.signal !== null) return this.#report('app', 128 + end.signal, end, null, `ended by signal ${SIGNALS.get(end.signal) ?? end.signal}${this.#lastWords()}`);
    if (end.code !== 0) return this.#report('app', end.code, end, null, `exit code ${end.code}${this.#lastWords()}`);
    const bytes = readResult(this.#output);
    if (bytes === null) return this.#report('ok', 0, end, null, null);
    let result: unknown;
    try {
      result = JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      return this.#report('app', 0, end, null, `the result written to $YARD_OUTPUT is not JSON: ${(error as Error).message}`);
    }
    if (bytes.length > INLINE_LIMIT) {
      const blob = Buffer.byteLength(JSON.stringify(result)) > INLINE_LIMIT ? bytes : null;
      if (blob !== null) result = { $blob: await retryTransient(6, () => this.host.http.putBlob(this.#work.tenant, blob)) };
    }
    return this.#report('ok', 0, end, result, null);
  }

  #stopped(end: ProcessEnd | null, isGone = true): Report {
    const reason = this.#stopping!;
    const leftOver = isGone ? '' : '; something of it could not be killed';
    const code = end === null ? null : end.signal !== null ? 128 + end.signal : end.code;
    switch (reason) {
      case 'over-cap':
        return this.#report('over-cap', code, end, null, `over the execution cap: ended after ${Math.round(performance.now() - this.#startedAt)} ms, of its cap ${this.#work.capMs} ms were left when it came to this worker${leftOver}`);
      case 'lost':
        return this.#report('lost', code, end, null, `no heartbeat was answered in time, so the worker ended it${leftOver}`);
      case 'drained':
        return this.#report('drained', code, end, null, `the worker is stopping${leftOver}`);
      default:
        return this.#report(reason, code, end, null, leftOver === '' ? null : leftOver.slice(2));
    }
  }

  #report(outcome: Report[3], exitCode: number | null, end: ProcessEnd | null, result: unknown, error: string | null): Report {
    const usage = end === null ? null : { wallMs: Math.round(performance.now() - this.#startedAt), cpuMs: end.cpuMs, maxRssBytes: null };
    return [this.task, this.attempt, this.fence, outcome, exitCode, usage, result, error];
  }

  #lastWords(): string {
    const line = this.#stderr.tail.trimEnd().split('\n').pop()?.trim() ?? '';
    return line === '' ? '' : `: ${line.slice(0, 300)}`;
  }

  #signalGroup(name: NodeJS.Signals): void {
    signal(-this.#pid!, name);
    // A stopped process hears of its end only when it goes on.
    if (name === 'SIGTERM') signal(-this.#pid!, 'SIGCONT');
  }

  get #output(): string {
    return join(this.host.ioDir, `${this.name}.output`);
  }

  async #prepare(): Promise<LaunchSpec> {
    const { run, tenant } = this.#work;
    if (!/^\d+-\d+-\d+-\d+$/.test(this.name)) throw new Unfit('infra', `not an attempt: ${this.name}`);
    const argv = await this.#command();
    const env: [string, string][] = [];
    for (const [name, value] of Object.entries(run.env ?? {})) {
      if (name === '' || name.includes('=')) throw new Unfit('permanent', `no variable can be called ${JSON.stringify(name)}`);
      env.push([name, value]);
    }
    for (const text of [...argv, ...env.flat()]) {
      if (text.includes('\0')) throw new Unfit('permanent', 'arguments and variables cannot hold a NUL character');
    }
    const base = join(this.host.ioDir, this.name);
    const cwd = join(this.host.attemptsDir, this.name);
    const checkpoint = join(this.host.checkpointsDir, `${tenant}-${this.task}`);
    this.host.dirs.make(tenant, cwd);
    this.host.dirs.makeUnlessThere(tenant, checkpoint);
    env.push(
      ['YARD_TASK_ID', this.task], ['YARD_ATTEMPT', String(this.attempt)], ['YARD_FENCE', String(this.fence)],
      ['YARD_INPUT', `${base}.input`], ['YARD_OUTPUT', this.#output], ['YARD_PARENTS', `${base}.parents`],
      ['YARD_CHECKPOINT_DIR', checkpoint], ['YARD_DEADLINE', String(Math.round(Date.now() + this.#deadline - performance.now()))],
    );
    if (this.#work.traceparent !== null) env.push(['TRACEPARENT', this.#work.traceparent]);
    if (run.input !== null && run.input !== undefined) writeFileSync(`${base}.input`, await this.#json(run.input), { mode: 0o600 });
    if (this.#work.parents !== null) {
      const parts: string[] = [];
      for (const [key, value] of Object.entries(this.#work.parents)) parts.push(`${JSON.stringify(key)}:${await this.#json(value)}`);
      writeFileSync(`${base}.parents`, `{${parts.join(',')}}`, { mode: 0o600 });
    }
    return { argv, cwd, env };
  }

  async #command(): Promise<readonly string[]> {
    const { kind, run, tenant } = this.#work;
    const args = run.args ?? [];
    const { scripts, interpreters } = this.host;
    if (kind === 'command' && run.command !== null && run.command.length > 0) {
      const [program, ...rest] = run.command;
      // A PATH of the task's own decides itself what its names mean.
      const known = run.env !== null && Object.hasOwn(run.env, 'PATH') ? program! : interpreters.peek(program!) ?? await interpreters.resolve(program!);
      return [known, ...rest, ...args];
    }
    if (kind !== 'script' || run.scriptHash === null) throw new Unfit('infra', `this worker cannot run a ${kind} without its ${kind}`);
    const submittedAs = run.script ?? '';
    const extension = /^\.[a-z0-9]{1,5}$/.test(extname(submittedAs)) ? extname(submittedAs) : '';
    let file = scripts.peek(run.scriptHash, extension);
    if (file === undefined) {
      try {
        file = await scripts.path(tenant, run.scriptHash, extension);
      } catch (error) {
        throw new Unfit('infra', `the script could not be fetched: ${(error as Error).message}`);
      }
    }
    const [program, ...rest] = interpreters.scriptCommand(file, submittedAs);
    return [interpreters.peek(program!) ?? await interpreters.resolve(program!), ...rest, file, ...args];
  }

  /** JSON text of a value, fetched first when it is kept as a blob. */
  async #json(value: unknown): Promise<string> {
    if (!isBlobRef(value)) return JSON.stringify(value);
    try {
      return (await retryTransient(4, () => this.host.http.getBlob(this.#work.tenant, value.$blob))).toString('utf8');
    } catch (error) {
      throw new Unfit('infra', `a value could not be fetched: ${(error as Error).message}`);
    }
  }

  async #bringOutput(): Promise<void> {
    const remove = (): void => { this.#stdout.remove(); this.#stderr.remove(); };
    if (this.#stdout.length === 0 && this.#stderr.length === 0) return;
    for (let k = 0; k < 3 && this.host.isOnline(); k++) {
      const [out, err] = await Promise.all([this.#uploads[0].push(), this.#uploads[1].push()]);
      if (out && err) {
        remove();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100 * (k + 1)));
    }
    this.host.keep(this.#uploads, remove);
  }

  #tidy(isDone: boolean): void {
    const base = join(this.host.ioDir, this.name);
    if (this.#work.run.input !== null && this.#work.run.input !== undefined) rmSync(`${base}.input`, { force: true });
    if (this.#work.parents !== null) rmSync(`${base}.parents`, { force: true });
    rmSync(this.#output, { force: true, recursive: true });
    const { tenant } = this.#work;
    this.host.dirs.drop(tenant, join(this.host.attemptsDir, this.name));
    this.host.dirs.drop(tenant, join(this.host.checkpointsDir, `${tenant}-${this.task}`), !isDone);
  }
}

export function nameOf(tenant: number, task: string, attempt: number, fence: number): string {
  return `${tenant}-${task}-${attempt}-${fence}`;
}

/** What the attempt wrote, as a plain file of its own and nothing that a link leads to; null when it wrote none. */
function readResult(path: string): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile() || found.size === 0) return null;
    if (found.size > RESULT_BYTES) return Buffer.from('result larger than 64 MiB');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
