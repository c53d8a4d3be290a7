import { commands, pack, unpack, type Assignment, type RelayDown, type RelayUp, type Report, type WorkerMessage, type YardMessage } from '@yardmaster/contracts';
import type { Outcome } from '@yardmaster/domain';
import type { Bus } from '@yardmaster/service-kit';

/** A worker session with no process behind it: it answers each attempt as the test says, and remembers what it ran. */
export class FakeWorker {
  readonly ran: Assignment[] = [];
  /** Reports not yet answered. */
  readonly journal = new Map<string, Report>();
  readonly gone: string[] = [];
  outcome: (assignment: Assignment) => Outcome | null = () => 'ok';
  #subscription: { stop(): void } | null = null;
  #beats = 0;

  constructor(
    private readonly bus: Bus,
    readonly id: string,
    private readonly offer: { kind: 'agent' | 'sdk'; handlers: string[]; capacity: Record<string, number> },
    private readonly scope: number | null,
    private readonly gateway = `gw-${id}`,
    readonly incarnation = 'one',
  ) {}

  join(): void {
    this.#subscription?.stop();
    this.#subscription = this.bus.subscribe(commands.worker(this.gateway), (body) => {
      for (const [worker, frame] of body as RelayDown[]) if (worker === this.id) for (const message of unpack(frame) as YardMessage[]) this.#hear(message);
    });
    const { kind, handlers, capacity } = this.offer;
    this.#send(['join', { incarnation: this.incarnation, kind, name: this.id, capacity, handlers, labels: {}, held: [] }]);
    if (this.journal.size > 0) this.resend();
  }

  heartbeat(): void {
    this.#send(['hb', { n: ++this.#beats, held: [], load: 0 }]);
  }

  resend(): void {
    this.#send(['rep', [...this.journal.values()]]);
  }

  #hear(message: YardMessage): void {
    if (message[0] === 'run') {
      const reports: Report[] = [];
      for (const assignment of message[1]) {
        const [task, attempt, fence] = assignment;
        if (this.ran.some(([t, a, f]) => t === task && a === attempt && f === fence)) continue;
        this.ran.push(assignment);
        const outcome = this.outcome(assignment);
        if (outcome === null) continue;
        const report: Report = [task, attempt, fence, outcome, 0, null, outcome === 'ok' ? { from: task } : null, outcome === 'ok' ? null : 'failed on purpose'];
        this.journal.set(`${task}/${String(attempt)}/${String(fence)}`, report);
        reports.push(report);
      }
      if (reports.length > 0) this.#send(['rep', reports]);
    } else if (message[0] === 'rep-ok') {
      for (const [task, attempt, fence, status] of message[1]) {
        this.journal.delete(`${task}/${String(attempt)}/${String(fence)}`);
        if (status === 'gone') this.gone.push(task);
      }
    }
  }

  #send(...messages: WorkerMessage[]): void {
    const relay: RelayUp = [this.gateway, this.id, this.scope, pack(messages)];
    this.bus.publish(commands.leaseFrames(), [relay]);
  }
}
