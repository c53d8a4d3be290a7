import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { KeptServer, ServerSpec } from './keeper-protocol.js';
import { endProcess, isRunning, processRef, type ProcessRef } from './process-ref.js';

const WATCH_MS = 500;
const LOG_LIMIT = 16 * 1024 * 1024;
const FIRST_RESTART_MS = 100;
export const SLOWEST_RESTART_MS = 5_000;
/** A server that ran this long is healthy again: its next restart is prompt. */
const HEALTHY_MS = 30_000;

export interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly restartInMs: number;
  /** Why it was ended; null when it ended by itself. */
  readonly reason: string | null;
}

/**
 * One server that is kept running: started, or adopted from a keeper that died, and started again when it
 * ends by itself. After `stop` it stays down.
 */
export class KeptProcess {
  readonly spec: ServerSpec;
  private ref: ProcessRef | undefined;
  private restart: NodeJS.Timeout | undefined;
  private watch: NodeJS.Timeout | undefined;
  private restartMs = FIRST_RESTART_MS;
  private began = 0;
  private isStopped = false;
  private reason: string | null = null;
  private readonly onEnded: (end: End) => void;
  private readonly onStarted: () => void;

  constructor(spec: ServerSpec, on: { ended: (end: End) => void; started: () => void }) {
    this.spec = spec;
    this.onEnded = on.ended;
    this.onStarted = on.started;
  }

  /** What to remember of it, or undefined while it is down. */
  get kept(): KeptServer | undefined {
    return this.ref === undefined ? undefined : { ...this.ref, spec: this.spec };
  }

  start(): void {
    this.began = performance.now();
    const child = this.spawn();
    this.ref = child.pid === undefined ? undefined : processRef(child.pid);
    child.once('error', () => this.ended(127, null));
    child.once('exit', (code, signal) => this.ended(code, signal));
    this.onStarted();
  }

  /** Takes over a process that another keeper started: it is no child of ours, so it is watched. */
  adopt(ref: ProcessRef): void {
    this.began = performance.now();
    this.ref = ref;
    this.watch = setInterval(() => {
      if (!isRunning(ref)) this.ended(null, null);
    }, WATCH_MS);
    this.onStarted();
  }

  /** Ends it, so that it is started again. Does nothing while it is down. */
  async restartFor(reason: string): Promise<void> {
    if (this.ref === undefined || this.isStopped) return;
    this.reason = reason;
    await endProcess(this.ref, this.spec.stopSignal, this.spec.stopPatienceMs);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.restart);
    clearInterval(this.watch);
    if (this.ref) await endProcess(this.ref, this.spec.stopSignal, this.spec.stopPatienceMs);
    this.ref = undefined;
  }

  private spawn(): ChildProcess {
    const { command, args, env, logFile, uid, gid } = this.spec;
    const log = openLog(logFile);
    try {
      return spawn(command, args, {
        cwd: '/',
        env: { ...env },
        stdio: ['ignore', log, log],
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
      });
    } finally {
      closeSync(log);
    }
  }

  private ended(code: number | null, signal: string | null): void {
    clearInterval(this.watch);
    if (this.isStopped || (this.ref === undefined && code !== 127)) return;
    this.ref = undefined;
    if (performance.now() - this.began > HEALTHY_MS) this.restartMs = FIRST_RESTART_MS;
    const restartInMs = this.restartMs;
    this.restartMs = Math.min(this.restartMs * 2, SLOWEST_RESTART_MS);
    this.restart = setTimeout(() => this.start(), restartInMs);
    const { reason } = this;
    this.reason = null;
    this.onEnded({ code, signal, restartInMs, reason });
  }
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}
