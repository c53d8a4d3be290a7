import {
  LIMITS,
  YardError,
  levelTooLow,
  problemOf,
  rejection,
  type FieldError,
  type Identity,
  type Rejection,
  type SubmitReply,
  type TaskRequest,
} from '@yardmaster/contracts';
import type { Claim } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type { ClusterLevel } from '@yardmaster/service-kit';
import { UNLIMITED, type Receipt, type TokenBlocks } from '../limits/token-blocks.js';
import { BulkSender, allRefused, underItem } from './bulk-sender.js';
import type { Completion } from './completion.js';
import type { OwnerDispatch } from './owner-dispatch.js';
import { claimOf, type PartitionChooser } from './partitions.js';
import { checkBulk, checkTask } from './schema-check.js';
import { SpecBook } from './spec-book.js';
import type { SubmissionParts } from './submit-command.js';
import { readNeeds, translateTask, type TranslatedTask } from './translate-task.js';
import { invalid, translateWorkflow } from './translate-workflow.js';

/** What goes with a submission beside its body. */
export interface SubmitContext {
  readonly identity: Identity;
  readonly idempotencyKey: string | null;
  /** Of a sampled request. */
  readonly traceparent: string | null;
  /** Bytes of the request's body. */
  readonly bodyBytes: number;
}

export interface AcceptedTask {
  readonly id: string;
  readonly state: string;
  readonly receipt: Receipt;
  readonly repeated: boolean;
}
export type BulkItem = { readonly id: string; readonly state: string } | { readonly rejection: Rejection };
export interface AcceptedBulk {
  readonly items: readonly BulkItem[];
  readonly receipt: Receipt;
  readonly repeated: boolean;
}
/** `tasks` = ids by key. */
export interface AcceptedWorkflow {
  readonly id: string;
  readonly tasks: Readonly<Record<string, string>>;
  readonly receipt: Receipt;
  readonly repeated: boolean;
}

export interface AdmissionParts {
  readonly clock: Clock;
  readonly tokens: TokenBlocks;
  readonly completion: Completion;
  readonly dispatch: OwnerDispatch;
  readonly partitions: PartitionChooser;
  readonly level: Pick<ClusterLevel, 'now'>;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Admits work, in the order of scheduling.md 2: what is refused costs no token and leaves nothing behind. */
export class Admission {
  readonly #book = new SpecBook();
  readonly #bulk: BulkSender;

  constructor(private readonly parts: AdmissionParts) {
    this.#bulk = new BulkSender(parts.partitions, parts.dispatch);
  }

  /** True when the body is a bulk. */
  static isBulk(body: unknown): boolean {
    return typeof body === 'object' && body !== null && 'tasks' in body && !('run' in body);
  }

  async submitTask(body: unknown, context: SubmitContext): Promise<AcceptedTask> {
    const { identity, bodyBytes } = context;
    if (bodyBytes > LIMITS.taskBytes) throw tooLarge(bodyBytes);
    const wrong = checkTask(body);
    if (wrong !== null) throw new YardError(invalid(wrong));
    const translated = this.#translate(body as TaskRequest, false);
    if ('code' in translated) throw new YardError(translated);
    const claim = claimFor(context, body);
    const partition = this.#partitionOf(translated.needs, claim);
    const { reply, receipt } = await this.#spend(identity, 1, async () => {
      const task = await this.parts.completion.one(translated, identity);
      return await this.#send(partition, partsOf(context, claim, [task]));
    });
    return { id: reply.ids[0]!, state: initialState(translated), receipt, repeated: reply.repeated };
  }

  /** A fault costs its own task only; rejects when nothing at all is admitted. */
  async submitBulk(body: unknown, context: SubmitContext): Promise<AcceptedBulk> {
    const shape = checkBulk(body);
    if (shape !== null) throw new YardError(invalid(shape));
    const requests = (body as { tasks: unknown[] }).tasks;
    const items = new Array<BulkItem>(requests.length);
    const { tasks, places } = this.#translateAll(requests, items, context.bodyBytes > LIMITS.taskBytes);
    if (tasks.length === 0) throw allRefused(items);
    const claim = claimFor(context, body);
    const { reply, receipt } = await this.#spend(context.identity, tasks.length, async () => {
      const refused = new Map<number, Rejection>();
      const complete = await this.parts.completion.each(tasks, context.identity, (i, why) =>
        refused.set(i, why),
      );
      return await this.#bulk.send(partsOf(context, claim, complete), refused);
    });
    for (const [i, result] of reply.results.entries()) {
      const place = places[i]!;
      items[place] =
        'id' in result
          ? { id: result.id, state: initialState(tasks[i]!) }
          : { rejection: underItem(result.rejection, place) };
    }
    if (reply.last === null) throw allRefused(items);
    return { items, receipt, repeated: reply.repeated };
  }

  async submitWorkflow(body: unknown, context: SubmitContext): Promise<AcceptedWorkflow> {
    const { identity, bodyBytes } = context;
    const translated = translateWorkflow(
      body,
      this.#book,
      this.parts.clock.now(),
      bodyBytes > LIMITS.taskBytes,
    );
    if (!translated.ok) throw new YardError(translated.error);
    const { name, labels, tasks, keys, parents } = translated.value;
    const early = this.#tooEarly(tasks);
    if (early !== null) throw new YardError(early);
    const claim = claimFor(context, body);
    const partition = this.#partitionOf([], claim);
    const { reply, receipt } = await this.#spend(identity, tasks.length, async () => {
      const complete = await this.parts.completion.all(tasks, identity);
      return await this.#send(partition, {
        ...partsOf(context, claim, complete),
        parents,
        workflow: { name, labels },
      });
    });
    const ids: Record<string, string> = {};
    for (const [i, key] of keys.entries()) ids[key] = reply.ids[i] ?? '';
    return { id: reply.workflow ?? '', tasks: ids, receipt, repeated: reply.repeated };
  }

  /** The tasks that are well-formed, with their places; the others get their item at once. */
  #translateAll(
    requests: readonly unknown[],
    items: BulkItem[],
    checksSize: boolean,
  ): { tasks: TranslatedTask[]; places: number[] } {
    const tasks: TranslatedTask[] = [];
    const places: number[] = [];
    for (let i = 0; i < requests.length; i++) {
      const wrong = checkTask(requests[i]);
      const translated =
        wrong === null ? this.#translate(requests[i] as TaskRequest, checksSize) : invalid(wrong);
      if ('code' in translated) {
        items[i] = { rejection: underItem(translated, i) };
        continue;
      }
      tasks.push(translated);
      places.push(i);
    }
    return { tasks, places };
  }

  #translate(request: TaskRequest, checksSize: boolean): TranslatedTask | Rejection {
    const faults: FieldError[] = [];
    const task = translateTask(request, '', null, this.#book, this.parts.clock.now(), checksSize, faults);
    if (task === null) return invalid(faults);
    const early = this.#tooEarly([task]);
    if (early !== null) return early;
    if (request.dependsOn === undefined) return task;
    const unknown: FieldError[] = [];
    const needs = readNeeds(request, '', unknown);
    if (unknown.length > 0)
      return rejection('unknown-parent', `${unknown[0]!.path}: ${unknown[0]!.message}`, { errors: unknown });
    const partition = this.parts.partitions.ofParents(needs);
    return partition.ok ? { ...task, needs } : partition.error;
  }

  /** An owner of the version before would run it, and not know the lease time. */
  #tooEarly(tasks: readonly TranslatedTask[]): Rejection | null {
    const { now } = this.parts.level;
    return now < 2 && tasks.some(({ spec }) => spec.leaseTtlMs !== undefined)
      ? levelTooLow('a lease time of a task', 2, now)
      : null;
  }

  #partitionOf(needs: readonly string[], claim: Claim | null): number {
    const { partitions } = this.parts;
    const parents = partitions.ofParents(needs);
    if (!parents.ok) throw new YardError(parents.error);
    if (parents.value !== null) return parents.value;
    return claim === null ? partitions.next() : partitions.ofClaim(claim);
  }

  async #send(partition: number, parts: SubmissionParts): Promise<SubmitReply> {
    const reply = await this.parts.dispatch.send(partition, parts);
    if (reply.ok) return reply.value;
    throw new YardError(reply.rejection);
  }

  /** Takes tokens around a submission; what was refused or repeated comes back. */
  async #spend<T extends { readonly repeated: boolean; readonly refused?: number }>(
    identity: Identity,
    count: number,
    submit: () => Promise<T>,
  ): Promise<{ reply: T; receipt: Receipt }> {
    const { tokens } = this.parts;
    const taken = tokens.take(identity, count);
    const receipt = taken instanceof Promise ? await taken : taken;
    if (receipt === UNLIMITED) return { reply: await submit(), receipt };
    try {
      const reply = await submit();
      const back = reply.repeated ? count : (reply.refused ?? 0);
      if (back > 0) tokens.giveBack(receipt, back);
      return { reply, receipt };
    } catch (cause) {
      // After an unknown outcome the tasks may be there: their tokens stay spent.
      if (!(cause instanceof YardError && cause.code === 'outcome-unknown')) tokens.giveBack(receipt);
      throw cause;
    }
  }
}

function partsOf(
  { identity, traceparent }: SubmitContext,
  claim: Claim | null,
  tasks: readonly TranslatedTask[],
): SubmissionParts {
  return { identity, claim, traceparent, tasks, parents: null, workflow: null, waiter: null };
}

function claimFor({ idempotencyKey, identity }: SubmitContext, body: unknown): Claim | null {
  if (idempotencyKey === null) return null;
  if (IDEMPOTENCY_KEY.test(idempotencyKey)) return claimOf(identity.tenant, idempotencyKey, body);
  const message = 'is not 1 to 255 visible ASCII characters';
  throw new YardError(
    rejection('invalid-request', `the idempotency key ${message}`, {
      errors: [{ path: 'Idempotency-Key', message }],
    }),
  );
}

function tooLarge(bytes: number): YardError {
  const [most, given] = [LIMITS.taskBytes, bytes].map((size) => `${String(Math.ceil(size / 1024))} KiB`);
  return new YardError(
    rejection('payload-too-large', `one task is at most ${String(most)}; this is ${String(given)}`),
  );
}

export function initialState({ dueAt, needs }: Pick<TranslatedTask, 'dueAt' | 'needs'>): string {
  if (needs.length > 0) return 'blocked';
  return dueAt === null ? 'ready' : 'scheduled';
}

/** An item of a bulk answer. */
export function itemJson(item: BulkItem, traceId: string): unknown {
  return 'rejection' in item ? { error: problemOf(item.rejection, traceId) } : item;
}
