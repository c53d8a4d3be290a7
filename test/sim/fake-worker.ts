import {
  commands,
  pack,
  unpack,
  readRun,
  type Assignment,
  type HeldAttempt,
  type KillOrder,
  type RelayDown,
  type RelayUp,
  type Report,
  type WorkerMessage,
  type YardMessage,
} from '@yardmaster/contracts';
import type { Outcome } from '@yardmaster/domain';
import type { Bus } from '@yardmaster/service-kit';

export interface Offer {
  readonly kind: 'agent' | 'sdk';
  readonly handlers: readonly string[];
  readonly capacity: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
}

const keyOf = (task: string, attempt: number, fence: number): string =>
  `${task}/${String(attempt)}/${String(fence)}`;

/** A worker session with no process behind it: it answers each attempt as the test says, and remembers what it ran. */
export class FakeWorker {
  /** Every attempt that it began, once. */
  readonly ran: Assignment[] = [];
  /** Given up by the yard, perhaps before they came. */
  readonly #givenUp = new Set<string>();
  /** Reports not yet answered. */
  readonly journal = new Map<string, Report>();
  /** Attempts begun and not ended. */
  readonly running = new Map<string, HeldAttempt>();
  readonly gone: string[] = [];
  readonly kills: KillOrder[] = [];
  readonly heard: YardMessage[] = [];
  /** How an attempt ends; null = it goes on until it is killed or `finish` is called. */
  outcome: (assignment: Assignment) => Outcome | null = () => 'ok';
  onRun: ((assignment: Assignment) => void) | null = null;
  onAnswered: ((task: string, attempt: number, fence: number) => void) | null = null;
  onSettled: ((report: Report, status: 'ok' | 'gone') => void) | null = null;
  /** An attempt is over here: reported, or dropped without a word. */
  onEnd: ((task: string, attempt: number, fence: number) => void) | null = null;
  onBeatAnswered: ((n: number) => void) | null = null;
  /** False: it starts nothing now, whatever arrives. */
  mayRun: () => boolean = () => true;
  isSilent = false;
  #subscription: { stop(): void } | null = null;
  #beats = 0;
  #isWelcome = false;

  constructor(
    private bus: Bus,
    readonly id: string,
    private readonly offer: Offer,
    private readonly scope: number | null,
    private readonly gateway = `gw-${id}`,
    readonly incarnation = 'one',
  ) {}

  /** Says what it offers and holds, on the bus of a restarted yard if one is given. */
  join(bus: Bus = this.bus): void {
    this.#subscription?.stop();
    this.bus = bus;
    this.#subscription = bus.subscribe(commands.worker(this.gateway), (body) => {
      for (const [worker, frame] of body as RelayDown[])
        if (worker === this.id) for (const message of unpack(frame) as YardMessage[]) this.#hear(message);
    });
    const { kind, handlers, capacity, labels } = this.offer;
    this.send([
      'join',
      {
        incarnation: this.incarnation,
        kind,
        name: this.id,
        capacity,
        handlers,
        labels: labels ?? {},
        held: this.held(),
      },
    ]);
    this.resend();
  }

  held(): HeldAttempt[] {
    return [
      ...this.running.values(),
      ...[...this.journal.values()].map(([task, attempt, fence]): HeldAttempt => [task, attempt, fence]),
    ];
  }

  /** Number of the heartbeat. Until it is welcomed it joins again instead: nothing else is heard before. */
  heartbeat(load = 0): number {
    if (this.isSilent) return this.#beats;
    if (this.#isWelcome) this.send(['hb', { n: ++this.#beats, held: this.held(), load }]);
    else this.join();
    return this.#beats;
  }

  resend(): void {
    if (this.journal.size > 0) this.send(['rep', [...this.journal.values()]]);
  }

  /** Ends what still runs. */
  finish(outcome: Outcome = 'ok'): void {
    const reports = [...this.running.values()].map(([task, attempt, fence]) =>
      this.#end(task, attempt, fence, outcome),
    );
    if (reports.length > 0) this.send(['rep', reports]);
  }

  /** Ends one that still runs. */
  endOne([task, attempt, fence]: HeldAttempt, outcome: Outcome): void {
    if (this.running.has(keyOf(task, attempt, fence)))
      this.send(['rep', [this.#end(task, attempt, fence, outcome)]]);
  }

  /** Stops everything without a word, as at the end of a lease that nobody renews. */
  dropAll(): void {
    for (const [task, attempt, fence] of this.running.values()) this.#drop(task, attempt, fence);
  }

  dropOne([task, attempt, fence]: HeldAttempt): void {
    if (this.running.has(keyOf(task, attempt, fence))) this.#drop(task, attempt, fence);
  }

  leave(): void {
    this.send(['bye']);
    this.#subscription?.stop();
  }

  send(...messages: WorkerMessage[]): void {
    this.sendBytes(pack(messages));
  }

  sendBytes(frame: Uint8Array): void {
    if (this.isSilent) return;
    const relay: RelayUp = [this.gateway, this.id, this.scope, frame];
    this.bus.publish(commands.leaseFrames(), [relay]);
  }

  #hear(message: YardMessage): void {
    if (this.isSilent) return;
    this.heard.push(message);
    if (message[0] === 'run') {
      const reports: Report[] = [];
      const isMine = message[3] === undefined || message[3] === this.incarnation;
      for (const assignment of isMine && this.mayRun() ? readRun(message) : []) {
        const [task, attempt, fence] = assignment;
        if (this.ran.some(([t, a, f]) => t === task && a === attempt && f === fence)) continue;
        if (this.#givenUp.has(keyOf(task, attempt, fence))) continue;
        this.ran.push(assignment);
        this.onRun?.(assignment);
        const outcome = this.outcome(assignment);
        if (outcome === null) this.running.set(keyOf(task, attempt, fence), [task, attempt, fence]);
        else reports.push(this.#end(task, attempt, fence, outcome));
      }
      if (reports.length > 0) this.send(['rep', reports]);
    } else if (message[0] === 'rep-ok') {
      for (const [task, attempt, fence, status] of message[1]) {
        const report = this.journal.get(keyOf(task, attempt, fence));
        this.journal.delete(keyOf(task, attempt, fence));
        if (report !== undefined) this.onSettled?.(report, status);
        if (status === 'gone') this.gone.push(task);
        else this.onAnswered?.(task, attempt, fence);
      }
    } else if (message[0] === 'kill') {
      const reports: Report[] = [];
      for (const order of message[1]) {
        this.kills.push(order);
        const [task, attempt, fence, reason] = order;
        if (reason === 'lost') this.#givenUp.add(keyOf(task, attempt, fence));
        if (!this.running.has(keyOf(task, attempt, fence))) continue;
        if (reason === 'lost') this.#drop(task, attempt, fence);
        else reports.push(this.#end(task, attempt, fence, reason));
      }
      if (reports.length > 0) this.send(['rep', reports]);
    } else if (message[0] === 'welcome') {
      this.#isWelcome ||= message[1].incarnation === this.incarnation;
      // The resource manager may be new: it gives no work before it has heard a beat, and what it did not answer is said again.
      this.heartbeat();
      this.resend();
    } else if (message[0] === 'hb-ok') {
      this.onBeatAnswered?.(message[1].n);
    } else if (message[0] === 'err' && message[1].code === 'lease-lost') {
      this.join();
    }
  }

  #drop(task: string, attempt: number, fence: number): void {
    this.running.delete(keyOf(task, attempt, fence));
    this.onEnd?.(task, attempt, fence);
  }

  #end(task: string, attempt: number, fence: number, outcome: Outcome): Report {
    const report: Report = [
      task,
      attempt,
      fence,
      outcome,
      0,
      null,
      outcome === 'ok' ? { from: task } : null,
      outcome === 'ok' ? null : 'failed on purpose',
    ];
    this.#drop(task, attempt, fence);
    this.journal.set(keyOf(task, attempt, fence), report);
    return report;
  }
}
