import {
  commands,
  toWire,
  type Reply,
  type SubmitCommand,
  type SubmitReply,
  type TokenGrant,
} from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';
import type { CancelNote, SubmissionNote } from '../../checkers/index.js';
import { draft, handlerSpec } from '../world.js';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { VirtualTime } from './virtual-time.js';

const TRIES = 4;
const SPECS = [{}, { priority: 900 }, { resources: { slots: 2 } }, { capMs: 5_000 }];
const RETRY = { maxAttempts: 3, lostBudget: 50, initialBackoffMs: 500, maxBackoffMs: 2_000, on: null };

export interface ClientNotes {
  readonly submissions: SubmissionNote[];
  readonly cancels: CancelNote[];
}

/** Somebody who submits, asks again when no answer comes, and cancels. */
export class SimClient {
  /** Ids that it was told, with their partition. */
  readonly known: { readonly p: number; readonly id: string }[] = [];
  readonly #sent: { readonly p: number; readonly command: SubmitCommand }[] = [];
  #keys = 0;
  /** Submissions that it still waits for, or will ask for again. */
  open = 0;

  constructor(
    private readonly bus: Bus,
    readonly process: SimProcess,
    private readonly partitions: number,
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly notes: ClientNotes,
  ) {}

  submit(): void {
    const { random } = this;
    const p = random.below(this.partitions);
    const isLone = random.chance(0.5);
    const count = random.between(1, isLone ? 3 : 6);
    const dueAt = random.chance(0.15) ? this.process.clock.now() + random.between(1, 4_000) : null;
    const needs = isLone && random.chance(0.2) ? this.known.filter((one) => one.p === p).slice(-1) : [];
    const tasks = Array.from({ length: count }, (_, i) =>
      draft(`t${String(i)}`, {
        dueAt,
        needs: needs.map(({ id }) => id),
        parents: isLone
          ? []
          : [...new Set([random.below(i + 1), random.below(i + 1)])].filter(
              (parent) => parent < i && random.chance(0.8),
            ),
      }),
    );
    const n = ++this.#keys;
    this.#say(p, {
      op: 'submit',
      tenant: 1,
      user: 1,
      waiter: null,
      specs: [handlerSpec({ retry: RETRY, ...random.pick(SPECS) })],
      tasks,
      workflow: isLone ? null : { name: 'w', labels: null },
      claim: random.chance(0.8) ? { key: `key-${String(n)}`, body: `body-${String(n)}` } : null,
      traceparent: null,
    });
  }

  /** Says once more what it said before: the same, or something else under the same key. */
  repeat(): void {
    if (this.#sent.length === 0) return;
    const { p, command } = this.random.pick(this.#sent);
    if (command.claim === null) return;
    const body = this.random.chance(0.3) ? `${command.claim.body}, changed` : command.claim.body;
    this.#say(p, { ...command, claim: { ...command.claim, body } });
  }

  cancel(): void {
    if (this.known.length === 0) return;
    const { p, id } = this.random.pick(this.known);
    this.process.run(() => {
      void this.bus.request(commands.tasks(p), { op: 'cancel', id, tenant: null, user: 1 }).then((reply) => {
        if (reply.ok) this.notes.cancels.push({ id, at: this.time.now });
      });
    });
  }

  /** A gateway asks for tokens of the tenant with a small limit, and gives some of them back. */
  takeTokens(tenant: number): void {
    const need = this.random.between(1, 4);
    const gateway = 'gw';
    this.process.run(() => {
      void this.bus
        .request<TokenGrant>(commands.limits, { op: 'grant', tenant, need, gateway })
        .then((reply) => {
          if (!reply.ok || this.random.chance(0.7)) return;
          const { block } = reply.value;
          this.bus.publish(commands.limits, { op: 'give-back', tenant, block, count: 1, gateway });
        });
    });
  }

  #say(p: number, command: SubmitCommand): void {
    this.#sent.push({ p, command });
    this.open++;
    this.process.run(() => {
      this.#try(p, command, TRIES);
    });
  }

  #try(p: number, command: SubmitCommand, left: number): void {
    void this.bus.request<SubmitReply>(commands.tasks(p), toWire(command)).then((reply) => {
      this.#note(p, command, reply);
      // Without a key nobody can say whether it was carried out: then it is not said again.
      if (reply.ok || !isOpen(reply) || left <= 1 || command.claim === null) {
        this.open--;
        return;
      }
      this.time.after(this.random.between(50, 1_500), () => {
        this.#try(p, command, left - 1);
      });
    });
  }

  #note(p: number, { tenant, claim }: SubmitCommand, reply: Reply<SubmitReply>): void {
    const ids = reply.ok ? reply.value.ids : [];
    this.notes.submissions.push({
      tenant,
      key: claim?.key ?? null,
      body: claim?.body ?? '',
      outcome: reply.ok ? 'ok' : isOpen(reply) ? 'unknown' : 'refused',
      code: reply.ok ? null : reply.rejection.code,
      ids,
    });
    for (const id of ids) if (!this.known.some((one) => one.id === id)) this.known.push({ p, id });
  }
}

function isOpen(reply: Reply<SubmitReply>): boolean {
  return !reply.ok && (reply.rejection.code === 'outcome-unknown' || reply.rejection.code === 'unavailable');
}
