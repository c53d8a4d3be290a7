import {
  AGENT_STOP_MS,
  HEARTBEAT_MS,
  MAX_MAINTENANCE_MS,
  readRun,
  type Assignment,
  type HeldAttempt,
  type JoinMessage,
  type KillOrder,
  type Note,
  type Report,
  type Welcome,
  type YardMessage,
} from '@yardmaster/contracts';
import { WebSocket } from 'ws';
import { BootClock } from './boot-clock.js';
import { decodeFrame, encodeFrame, encodeNotes, encodeReports } from './frame-codec.js';
import { LeaseValidity } from './lease-validity.js';
import { reconnectDelayMs } from './reconnect-delay.js';
import type { ReportJournal } from './report-journal.js';
import { SettledLeases } from './settled-leases.js';
import { UnsettledReports, type Unsettled } from './unsettled-reports.js';

/** A fixed text, or asked for anew at every connection. */
export type TextSource = string | (() => string | Promise<string>);

export interface WorkerSessionOptions {
  /** Base address of the yard, `http://` or `https://`. */
  readonly url: TextSource;
  /** Bearer key. */
  readonly token: TextSource;
  /** The worker's own id, the same over its restarts. */
  readonly worker: string;
  /** What it says of itself; `held` is filled in. */
  readonly join: Omit<JoinMessage, 'held'>;
  /** Attempts that run now. */
  readonly running: () => readonly HeldAttempt[];
  /** Measured load, 0..1. */
  readonly load?: () => number;
  /** What attempts want known: what is new since it was asked last, or all of it over a new connection. */
  readonly notes?: (all: boolean) => readonly Note[];
  readonly journal?: ReportJournal;
  readonly onRun: (assignments: readonly Assignment[]) => void;
  readonly onKill: (orders: readonly KillOrder[]) => void;
  /**
   * No heartbeat has been answered for 22 s: what runs must end now, for its lease is about to go to another, save what has a longer
   * lease that `isOver` says is not. Said again and again while the silence lasts.
   */
  readonly onSilence: (isOver: (leaseTtlMs: number | undefined) => boolean) => void;
  /** The yard does not want this session; it goes on trying. `code` is of the error catalogue. */
  readonly onRefused?: (code: string, detail: string) => void;
  readonly onJoined?: (epoch: number) => void;
  readonly onLost?: (why: string) => void;
  /** Silence after which attempts end, ms. */
  readonly stopAfterMs?: number;
  /** How long reports may wait for more of them, ms, asked at each; the first after a pause goes at once. Default 0. */
  readonly gatherMs?: () => number;
}

/** A report without an answer is repeated after this long. */
const REPEAT_AFTER_MS = 5_000;
/** Nothing at all came in, not even a pong: the connection is dead though nobody said so. */
const DEAD_AFTER_MS = 10_000;
const WATCH_EVERY_MS = 1_000;

/**
 * The worker's side of `GET /v1/workers/session`: keeps one connection, beats, sends each turn's reports as one frame
 * and repeats them until they are answered.
 *
 * Invariants: a report is sent only once the journal has it, and forgotten only by its answer; nothing is sent before
 * `welcome` but the join; an answer of an older epoch than one heard before proves nothing; an attempt whose end was answered is
 * never handed on again.
 */
export class WorkerSession {
  readonly #validity: LeaseValidity;
  /** Deadlines of leases are counted on it, everything else on the monotonic clock. */
  readonly #clock = new BootClock();
  readonly #unsettled = new UnsettledReports();
  readonly #settled = new SettledLeases();
  #fresh: Unsettled[] = [];
  #flushing = false;
  #flushedAt = -Infinity;
  #socket: WebSocket | null = null;
  #joined = false;
  #epoch = 0;
  #n = 0;
  #heartbeatMs = HEARTBEAT_MS;
  #failures = 0;
  #lastHeardAt = 0;
  /** Nothing to stop before the first welcome. */
  #wasProven = false;
  #closed = false;
  #beatTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];

  constructor(private readonly options: WorkerSessionOptions) {
    this.#validity = new LeaseValidity(options.stopAfterMs ?? AGENT_STOP_MS);
  }

  get isJoined(): boolean {
    return this.#joined;
  }

  /** Reports that the yard has not answered yet. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** Time until what runs under such a lease has to end unless a heartbeat is answered, ms; below zero when it had to. */
  leaseLeftMs(leaseTtlMs?: number): number {
    return this.#validity.leftMs(this.#clock.now(), leaseTtlMs);
  }

  isUnsettled(task: string, attempt: number, fence: number): boolean {
    return this.#unsettled.has(task, attempt, fence);
  }

  start(): void {
    for (const report of this.options.journal?.pending() ?? []) this.#unsettled.add(report, true);
    this.#watchTimer = setInterval(() => {
      this.#watch();
    }, WATCH_EVERY_MS);
    void this.#connect();
  }

  /** Hands over the end of one attempt; it is repeated until answered, whatever happens to the connection. */
  report(report: Report): void {
    this.#fresh.push(this.#unsettled.add(report, this.options.journal === undefined));
    if (!this.#flushing) {
      this.#flushing = true;
      this.#flushSoon();
    }
  }

  /** A lone report goes at once; in a flood those of a turn, or of `gatherMs`, share a frame. */
  #flushSoon(): void {
    const wait = this.#flushedAt + (this.options.gatherMs?.() ?? 0) - performance.now();
    if (wait > 0) setTimeout(this.#flush, wait);
    else if (this.#unsettled.size === 1) queueMicrotask(this.#flush);
    else setImmediate(this.#flush);
  }

  /** True once every report is answered; false when that takes longer than `timeoutMs`. */
  async settled(timeoutMs: number): Promise<boolean> {
    if (this.#unsettled.size === 0) return true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#unsettled.size === 0;
  }

  /** Says so if the leases ran out: for those who are about to act on what happened while this process may have stood still. */
  checkSilence(): void {
    const now = this.#clock.now();
    if (this.#wasProven && this.#validity.isOver(now))
      this.options.onSilence((leaseTtlMs) => this.#validity.isOver(now, leaseTtlMs));
  }

  /** Says bye when there is someone to hear it, and ends the connection for good. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watchTimer);
    clearTimeout(this.#beatTimer);
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    if (socket === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        socket.terminate();
        resolve();
      }, 500);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#joined) socket.send(encodeFrame([['bye']]));
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000);
    });
  }

  readonly #flush = (): void => {
    const batch = this.#fresh;
    this.#fresh = [];
    this.#flushedAt = performance.now();
    const journal = this.options.journal;
    if (journal === undefined) {
      this.#flushing = false;
      this.#send(batch);
      return;
    }
    journal.append(batch.map(({ report }) => report)).then(
      () => {
        for (const entry of batch) entry.kept = true;
        this.#send(batch);
        // What came in meanwhile shares the next write.
        if (this.#fresh.length > 0) this.#flushSoon();
        else this.#flushing = false;
      },
      (error: unknown) => {
        // Without its journal a worker cannot keep the promise; the report stays and is tried again.
        this.options.onLost?.(`reports cannot be written down: ${String(error)}`);
        this.#fresh = batch.concat(this.#fresh);
        setTimeout(this.#flush, 1_000);
      },
    );
  };

  #send(unsettled: readonly Unsettled[]): void {
    const socket = this.#socket;
    if (!this.#joined || socket === null || unsettled.length === 0) return;
    const now = performance.now();
    for (const entry of unsettled) entry.sentAt = now;
    encodeReports(
      unsettled.map(({ report }) => report),
      (frame) => {
        socket.send(frame);
      },
    );
  }

  #sendNotes(all: boolean): void {
    const socket = this.#socket;
    if (!this.#joined || socket === null || this.options.notes === undefined) return;
    encodeNotes(this.options.notes(all), (frame) => {
      socket.send(frame);
    });
  }

  async #connect(): Promise<void> {
    let socket: WebSocket;
    try {
      const [url, token] = await Promise.all([read(this.options.url), read(this.options.token)]);
      if (this.#closed) return;
      const address = new URL('/v1/workers/session', url);
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
      address.searchParams.set('worker', this.options.worker);
      socket = new WebSocket(address, {
        headers: { authorization: `Bearer ${token}` },
        perMessageDeflate: false,
        handshakeTimeout: 5_000,
        skipUTF8Validation: true,
      });
    } catch (error) {
      this.#retry(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#socket = socket;
    let why: string | null = null;
    socket.on('open', () => {
      this.#open(socket);
    });
    socket.on('message', (data: Buffer) => {
      this.#receive(socket, data);
    });
    socket.on('pong', () => {
      this.#lastHeardAt = performance.now();
    });
    socket.on('error', (error) => {
      why ??= error.message;
    });
    socket.on('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0;
      why = `the yard answered ${status}`;
      if (status === 401 || status === 403)
        this.options.onRefused?.(status === 401 ? 'unauthenticated' : 'forbidden', why);
      request.destroy();
      socket.terminate();
    });
    socket.on('close', () => {
      this.#drop(socket, why ?? 'the connection ended');
    });
  }

  #open(socket: WebSocket): void {
    this.#lastHeardAt = performance.now();
    this.#join(socket);
  }

  #join(socket: WebSocket): void {
    this.#n++;
    this.#validity.sent(this.#n, this.#clock.now());
    socket.send(encodeFrame([['join', { ...this.options.join, held: this.#held() }]]));
  }

  #drop(socket: WebSocket, why: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#joined = false;
    this.#unsettled.forgetSends();
    clearTimeout(this.#beatTimer);
    this.#retry(why);
  }

  #retry(why: string): void {
    if (this.#closed) return;
    this.options.onLost?.(why);
    this.#retryTimer = setTimeout(
      () => void this.#connect(),
      reconnectDelayMs(this.#failures++, Math.random()),
    );
  }

  #receive(socket: WebSocket, data: Buffer): void {
    const now = performance.now();
    this.#lastHeardAt = now;
    // After a pause of this process the deadline comes before whatever waited in the socket.
    this.checkSilence();
    const messages = decodeFrame(data);
    if (messages === null) {
      socket.close(1007, 'not a frame');
      return;
    }
    for (const message of messages) this.#take(socket, message);
  }

  #take(socket: WebSocket, message: YardMessage): void {
    switch (message[0]) {
      case 'run':
        // Given to the process before this one: its lease is over, or about to be.
        if (!this.#isMine(message[3])) return;
        this.#run(readRun(message));
        return;
      case 'rep-ok':
        this.#unsettled.settle(message[1]);
        this.#settled.add(message[1]);
        this.options.journal?.settle(message[1]);
        if (this.#unsettled.size === 0 && this.#waiters.length > 0)
          for (const done of this.#waiters.splice(0)) done();
        return;
      case 'kill':
        // Given up as lost, its lease is over, though whoever hands it out may not have heard of that yet.
        this.#settled.add(message[1].filter(([, , , reason]) => reason === 'lost'));
        this.options.onKill(message[1]);
        return;
      case 'hb-ok':
        if (this.#isCurrent(message[1].epoch)) this.#proven(message[1].n, message[1].extendMs);
        return;
      case 'welcome':
        if (this.#isCurrent(message[1].epoch)) this.#greeted(socket, message[1]);
        return;
      case 'err':
        this.options.onRefused?.(message[1].code, message[1].detail);
        socket.close(1000);
    }
  }

  /** What comes after its end was answered, or after it was given up, is over: whoever sent it has not heard of that end yet. */
  #run(assignments: readonly Assignment[]): void {
    const live = assignments.filter(([task, , fence]) => !this.#settled.has(task, fence));
    if (live.length > 0) this.options.onRun(live);
  }

  #isMine(incarnation: string | undefined): boolean {
    return incarnation === undefined || incarnation === this.options.join.incarnation;
  }

  /** A resource manager that knows only the process before this one greets that: this one's join was lost. */
  #greeted(socket: WebSocket, { heartbeatMs, epoch, incarnation }: Welcome): void {
    if (this.#isMine(incarnation)) this.#welcomed(heartbeatMs, epoch);
    else this.#join(socket);
  }

  #welcomed(heartbeatMs: number, epoch: number): void {
    if (Number.isFinite(heartbeatMs) && heartbeatMs >= 50 && heartbeatMs <= HEARTBEAT_MS)
      this.#heartbeatMs = heartbeatMs;
    this.#failures = 0;
    const first = !this.#joined;
    this.#joined = true;
    if (!first) {
      // A new resource manager greets whom it knows from the log: it gives no work before it has heard a beat.
      this.#beat();
      this.#sendNotes(true);
      return;
    }
    // The join is the beat that this answers.
    this.#proven(this.#n);
    this.#send(this.#unsettled.due(Infinity));
    this.#sendNotes(true);
    this.#scheduleBeat();
    this.options.onJoined?.(epoch);
  }

  #isCurrent(epoch: number): boolean {
    if (epoch < this.#epoch) return false;
    this.#epoch = epoch;
    return true;
  }

  #proven(n: number, extendMs?: number): void {
    this.#validity.answered(n, extendOf(extendMs));
    this.#wasProven = true;
  }

  #scheduleBeat(): void {
    clearTimeout(this.#beatTimer);
    // A tenth either way, or a fleet that started together beats together for ever.
    this.#beatTimer = setTimeout(
      () => {
        this.#beat();
      },
      this.#heartbeatMs * (0.9 + Math.random() * 0.2),
    );
  }

  #beat(): void {
    this.checkSilence();
    const socket = this.#socket;
    if (!this.#joined || socket === null) return;
    const now = performance.now();
    this.#n++;
    this.#validity.sent(this.#n, this.#clock.now());
    socket.send(encodeFrame([['hb', { n: this.#n, held: this.#held(), load: this.options.load?.() ?? 0 }]]));
    socket.ping();
    this.#send(this.#unsettled.due(now - REPEAT_AFTER_MS));
    this.#scheduleBeat();
  }

  #watch(): void {
    const now = performance.now();
    this.#clock.look();
    this.checkSilence();
    this.#sendNotes(false);
    if (this.#socket?.readyState === WebSocket.OPEN && now - this.#lastHeardAt > DEAD_AFTER_MS)
      this.#socket.terminate();
  }

  #held(): HeldAttempt[] {
    return [...this.options.running(), ...this.#unsettled.held()];
  }
}

/** A promise that is none, or longer than any yard makes, is not relied upon. */
function extendOf(extendMs: unknown): number {
  return typeof extendMs === 'number' && extendMs > 0 && extendMs <= MAX_MAINTENANCE_MS ? extendMs : 0;
}

async function read(source: TextSource): Promise<string> {
  return typeof source === 'string' ? source : await source();
}
