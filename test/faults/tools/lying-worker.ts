import { randomUUID } from 'node:crypto';
import {
  type Assignment,
  type HeldAttempt,
  type JoinMessage,
  pack,
  readRun,
  type Report,
  type ReportAnswer,
  unpack,
  type WorkerMessage,
  type YardMessage,
} from '@yardmaster/contracts';
import { WebSocket } from 'ws';
import type { ReportNote } from '../../checkers/index.js';
import { until } from './until.js';

/** A worker that speaks the protocol by hand, and says what it likes. */
export class LyingWorker {
  readonly id: string;
  readonly runs: Assignment[] = [];
  readonly kills: string[] = [];
  /** Every answer to every report, as it came. */
  readonly answers: ReportAnswer[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  isWelcome = false;
  #n = 0;
  readonly #socket: WebSocket;
  readonly #reported = new Map<string, Report>();
  readonly #join: Omit<JoinMessage, 'held'>;

  private constructor(socket: WebSocket, id: string, join: Omit<JoinMessage, 'held'>) {
    this.#socket = socket;
    this.id = id;
    this.#join = join;
    socket.on('message', (data: Buffer) => {
      for (const message of unpack(data) as YardMessage[]) this.#hear(message);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
  }

  /** Joins with one handler of its own name and so many slots. */
  static async join(
    { urls, token }: { readonly urls: readonly string[]; readonly token: string },
    handler: string,
    slots = 4,
  ): Promise<LyingWorker> {
    const id = `liar-${randomUUID()}`;
    const address = new URL('/v1/workers/session', urls[0]);
    address.protocol = 'ws:';
    address.searchParams.set('worker', id);
    const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const worker = new LyingWorker(socket, id, {
      incarnation: randomUUID(),
      kind: 'sdk',
      name: id,
      capacity: { slots },
      handlers: [handler],
      labels: {},
    });
    worker.send([['join', { ...worker.#join, held: [] }]]);
    await until('the welcome of a liar', () => worker.isWelcome);
    return worker;
  }

  send(messages: readonly WorkerMessage[]): void {
    this.bytes(pack(messages));
  }

  /** Any bytes as one frame. */
  bytes(frame: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  beat(
    held: readonly HeldAttempt[] = this.runs.map(([task, attempt, fence]) => [task, attempt, fence]),
  ): void {
    this.send([['hb', { n: ++this.#n + 1, held, load: 0 }]]);
  }

  report(reports: readonly Report[]): void {
    for (const report of reports) this.#reported.set(key(report), report);
    this.send([['rep', reports]]);
  }

  /** Comes back as the same, which takes nothing new. */
  rejoin(): void {
    this.send([['join', { ...this.#join, handlers: [], held: [] }]]);
  }

  /** Waits for so many answers. */
  async answered(n: number): Promise<readonly ReportAnswer[]> {
    await until(`${String(n)} answers to a liar`, () => this.answers.length >= n, { withinMs: 30_000 });
    return this.answers;
  }

  /** For the checkers: `as` tells which of several reports on one attempt an answer belongs to. */
  notes(): ReportNote[] {
    return this.answers.flatMap(([task, attempt, fence, answer]) => {
      const report = this.#reported.get(key([task, attempt, fence]));
      return report === undefined
        ? []
        : [{ worker: this.id, task, attempt, fence, outcome: report[3], answer }];
    });
  }

  leave(): void {
    this.send([['bye']]);
    this.#socket.close();
  }

  vanish(): void {
    this.#socket.terminate();
  }

  #hear(message: YardMessage): void {
    if (message[0] === 'welcome') this.isWelcome = true;
    else if (message[0] === 'run') this.runs.push(...readRun(message));
    else if (message[0] === 'rep-ok') this.answers.push(...message[1]);
    else if (message[0] === 'kill')
      for (const [task, , , reason] of message[1]) this.kills.push(`${task} ${reason}`);
  }
}

function key([task, attempt, fence]: readonly [string, number, number, ...unknown[]]): string {
  return `${task} ${String(attempt)} ${String(fence)}`;
}
