import type { HeldAttempt } from '@yardmaster/contracts';
import type { Outcome } from '@yardmaster/domain';
import type { ReportNote, RunNote } from '../../checkers/index.js';
import { FakeWorker } from '../fake-worker.js';
import type { Network } from './network.js';
import type { Random } from './random.js';
import { SimProcess } from './sim-process.js';
import type { VirtualTime } from './virtual-time.js';

const BEAT_MS = 5_000;
/** Without an answered heartbeat sent within this time it stops everything and starts nothing. */
export const VALID_MS = 22_000;

const OUTCOMES: readonly Outcome[] = [
  'ok',
  'ok',
  'ok',
  'ok',
  'ok',
  'ok',
  'app',
  'app',
  'permanent',
  'infra',
  'drained',
];

export interface WorkerNotes {
  readonly runs: RunNote[];
  readonly reports: ReportNote[];
  readonly onRun: (task: string, attempt: number, fence: number) => void;
}

/** A worker that keeps the rules of an agent: it beats, keeps reports until they are answered, and stops by itself in time.
 * It writes down what it ran; that is the ground truth. */
export class SimWorker {
  readonly process: SimProcess;
  readonly fake: FakeWorker;
  readonly #runs = new Map<string, RunNote>();
  readonly #sent = new Map<number, number>();
  readonly #capEnds = new Map<number, number>();
  #provenAt = -Infinity;

  constructor(
    readonly id: string,
    incarnation: number,
    slots: number,
    network: Network,
    private readonly time: VirtualTime,
    private readonly random: Random,
    notes: WorkerNotes,
  ) {
    this.process = new SimProcess(`${id}/${String(incarnation)}`, time);
    this.fake = new FakeWorker(
      network.endpoint(this.process),
      id,
      { kind: 'sdk', handlers: ['noop'], capacity: { slots } },
      1,
      `gw-${id}`,
      `i${String(incarnation)}`,
    );
    this.fake.mayRun = () => this.#isProven();
    this.fake.onBeatAnswered = (n) => {
      this.#proven(n);
    };
    this.fake.onRun = ([task, attempt, fence]) => {
      const note: RunNote = { worker: id, task, attempt, fence, from: time.now, until: null };
      notes.runs.push(note);
      this.#runs.set(`${task}/${String(fence)}/${String(attempt)}`, note);
      notes.onRun(task, attempt, fence);
    };
    this.fake.onEnd = (task, attempt, fence) => {
      const note = this.#runs.get(`${task}/${String(fence)}/${String(attempt)}`);
      if (note !== undefined) note.until ??= time.now;
    };
    this.fake.outcome = ([task, attempt, fence, { capMs }]) => {
      const outcome = random.pick(OUTCOMES);
      if (random.chance(0.5)) return outcome;
      const wanted = random.between(100, random.chance(0.1) ? 40_000 : 6_000);
      const held: HeldAttempt = [task, attempt, fence];
      this.#capEnds.set(fence, time.now + capMs);
      // It holds the cap itself, as remaining time from when it heard of the attempt.
      time.after(Math.min(wanted, capMs), () => {
        this.fake.endOne(held, wanted > capMs ? 'over-cap' : outcome);
      });
      return null;
    };
    this.fake.onSettled = ([task, attempt, fence, outcome], answer) => {
      notes.reports.push({ worker: id, task, attempt, fence, outcome, answer });
    };
  }

  start(): void {
    this.process.run(() => {
      this.fake.join();
      this.#beat();
    });
  }

  /** Its connection is back: it says who it is. */
  rejoin(): void {
    this.process.run(() => {
      this.fake.join();
    });
  }

  /** The machine is gone, with all that ran on it. */
  kill(): void {
    this.fake.dropAll();
    this.process.kill();
    this.fake.isSilent = true;
  }

  leave(): void {
    this.fake.dropAll();
    if (this.process.state === 'up')
      this.process.run(() => {
        this.fake.leave();
      });
    this.process.kill();
  }

  /** It is stopped; its warden is not, and holds the deadlines: caps, and the end of what was answered. */
  standStill(): void {
    this.process.stop();
    const after = (ms: number, act: () => void): void => {
      this.time.after(
        ms,
        () => {
          if (this.process.state === 'stopped') act();
        },
        null,
      );
    };
    after(this.#provenAt + VALID_MS - this.time.now, () => {
      this.fake.dropAll();
    });
    for (const held of this.fake.running.values())
      after((this.#capEnds.get(held[2]) ?? 0) - this.time.now, () => {
        this.fake.dropOne(held);
      });
  }

  /** What it is about, for a trace. */
  describe(): string {
    const { state } = this.process;
    return `worker ${this.process.name} ${state}, ${this.#isProven() ? 'proven' : 'not proven'}, holds ${JSON.stringify(this.fake.held())}`;
  }

  #beat(): void {
    this.#sent.set(this.fake.heartbeat(), this.time.now);
    this.fake.resend();
    this.time.after(BEAT_MS + this.random.between(-500, 500), () => {
      if (!this.#isProven()) this.fake.dropAll();
      this.#beat();
    });
  }

  #isProven(): boolean {
    return this.time.now - this.#provenAt < VALID_MS;
  }

  #proven(n: number): void {
    const sentAt = this.#sent.get(n) ?? -Infinity;
    if (sentAt <= this.#provenAt) return;
    this.#provenAt = sentAt;
    for (const [earlier] of this.#sent) if (earlier <= n) this.#sent.delete(earlier);
    this.time.after(sentAt + VALID_MS - this.time.now, () => {
      if (!this.#isProven()) this.fake.dropAll();
    });
  }
}
