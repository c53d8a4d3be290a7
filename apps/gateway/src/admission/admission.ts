import {
  LIMITS,
  YardError,
  commands,
  problemOf,
  rejection,
  type FieldError,
  type Identity,
  type Rejection,
  type Reply,
  type SubmitReply,
  type TaskRequest,
} from '@yardmaster/contracts';
import type { Claim } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type { BlobStore } from '@yardmaster/ports';
import type { Bus } from '@yardmaster/service-kit';
import { UNLIMITED, type Receipt, type TokenBlocks } from '../limits/token-blocks.js';
import type { ScriptStore } from '../scripts/script-store.js';
import { claimOf, type PartitionChooser } from './partitions.js';
import { checkBulk, checkTask } from './schema-check.js';
import { SpecBook } from './spec-book.js';
import { COMMAND_BYTES, packSubmit, type SubmissionParts } from './submit-command.js';
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
  readonly stream: string;
  readonly seq: number;
  readonly receipt: Receipt;
  readonly repeated: boolean;
}
export interface AcceptedBulk {
  readonly items: readonly (
    { readonly id: string; readonly state: string } | { readonly rejection: Rejection }
  )[];
  readonly stream: string;
  readonly seq: number;
  readonly receipt: Receipt;
}
export interface AcceptedWorkflow {
  readonly id: string;
  readonly tasks: Readonly<Record<string, string>>;
  readonly stream: string;
  readonly seq: number;
  readonly receipt: Receipt;
  readonly repeated: boolean;
}

export interface AdmissionParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly tokens: TokenBlocks;
  readonly scripts: ScriptStore;
  readonly blobs: BlobStore;
  readonly partitions: PartitionChooser;
  /** Told of each refusal and acceptance, for the metrics. */
  readonly onOutcome?: (outcome: 'accepted' | Rejection['code'], count: number) => void;
}

const SLICE_LEAST = 500;
const SLICE_MOST = 2_000;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Admits work, in the order of scheduling.md 2: what is refused costs no token and leaves nothing behind. */
export class Admission {
  readonly #book = new SpecBook();

  constructor(private readonly parts: AdmissionParts) {}

  /** True when the body is a bulk. */
  static isBulk(body: unknown): boolean {
    return typeof body === 'object' && body !== null && 'tasks' in body && !('run' in body);
  }

  async submitTask(body: unknown, context: SubmitContext): Promise<AcceptedTask> {
    return await this.#counted(1, async () => {
      if (context.bodyBytes > LIMITS.taskBytes)
        throw new YardError(
          rejection(
            'payload-too-large',
            `one task is at most ${String(LIMITS.taskBytes / 1024)} KiB; this is ${String(Math.ceil(context.bodyBytes / 1024))} KiB`,
          ),
        );
      const wrong = checkTask(body);
      if (wrong !== null) throw new YardError(invalid(wrong));
      const translated = this.#translateLone(body as TaskRequest, '', false);
      if ('code' in translated) throw new YardError(translated);
      const claim = claimFor(context, body);
      const partition = this.#partitionOf(translated.needs, claim);
      const { reply, receipt } = await this.#spend(context.identity, 1, async () => {
        const task = await this.#complete(translated, context.identity);
        return await this.#send(partition, {
          ...partsOf(context, claim),
          tasks: [task],
          parents: null,
          workflow: null,
        });
      });
      return {
        id: reply.ids[0]!,
        state: initialState(translated),
        stream: reply.stream,
        seq: reply.seq,
        receipt,
        repeated: reply.repeated,
      };
    });
  }

  async submitBulk(body: unknown, context: SubmitContext): Promise<AcceptedBulk> {
    const shape = checkBulk(body);
    if (shape !== null) throw new YardError(invalid(shape));
    const requests = (body as { tasks: unknown[] }).tasks;
    const results = new Array<{ id: string; state: string } | { rejection: Rejection }>(requests.length);
    const checksSize = context.bodyBytes > LIMITS.taskBytes;
    const good: TranslatedTask[] = [];
    const places: number[] = [];
    for (let i = 0; i < requests.length; i++) {
      const wrong = checkTask(requests[i], '');
      const translated =
        wrong === null ? this.#translateLone(requests[i] as TaskRequest, '', checksSize) : invalid(wrong);
      if ('code' in translated) {
        results[i] = { rejection: underItem(translated, i) };
        continue;
      }
      good.push(translated);
      places.push(i);
    }
    if (good.length === 0) throw new YardError(allRefused(results));
    return await this.#counted(requests.length, async () => {
      const claim = claimFor(context, body);
      const { reply, receipt } = await this.#spend(context.identity, good.length, async () => {
        const tasks = await Promise.all(
          good.map(
            async (task, i) =>
              await this.#complete(task, context.identity).catch((cause: unknown) => {
                if (!(cause instanceof YardError)) throw cause;
                results[places[i]!] = { rejection: underItem(cause.rejection, places[i]!) };
                return null;
              }),
          ),
        );
        return await this.#sendBulk(tasks, places, results, context, claim);
      });
      const refused = results.filter((result) => 'rejection' in result).length;
      if (refused === results.length) throw new YardError(allRefused(results));
      return { items: results, stream: reply.stream, seq: reply.seq, receipt };
    });
  }

  async submitWorkflow(body: unknown, context: SubmitContext): Promise<AcceptedWorkflow> {
    const translated = translateWorkflow(
      body,
      this.#book,
      this.parts.clock.now(),
      context.bodyBytes > LIMITS.taskBytes,
    );
    if (!translated.ok) throw new YardError(translated.error);
    const { name, labels, tasks, keys, parents } = translated.value;
    return await this.#counted(tasks.length, async () => {
      const claim = claimFor(context, body);
      const partition = this.#partitionOf([], claim);
      const { reply, receipt } = await this.#spend(context.identity, tasks.length, async () => {
        const complete = await this.#completeAll(tasks, context.identity);
        return await this.#send(partition, {
          ...partsOf(context, claim),
          tasks: complete,
          parents,
          workflow: { name, labels },
        });
      });
      const ids: Record<string, string> = {};
      for (const [i, key] of keys.entries()) ids[key] = reply.ids[i] ?? '';
      return {
        id: reply.workflow ?? '',
        tasks: ids,
        stream: reply.stream,
        seq: reply.seq,
        receipt,
        repeated: reply.repeated,
      };
    });
  }

  #translateLone(request: TaskRequest, at: string, checksSize: boolean): TranslatedTask | Rejection {
    const faults: FieldError[] = [];
    const task = translateTask(request, at, null, this.#book, this.parts.clock.now(), checksSize, faults);
    if (task === null) return invalid(faults);
    if (request.dependsOn === undefined) return task;
    const unknown: FieldError[] = [];
    const needs = readNeeds(request, at, unknown);
    if (unknown.length > 0)
      return rejection('unknown-parent', `${unknown[0]!.path}: ${unknown[0]!.message}`, { errors: unknown });
    const partition = this.parts.partitions.ofParents(needs);
    return partition.ok ? { ...task, needs } : partition.error;
  }

  #partitionOf(needs: readonly string[], claim: Claim | null): number {
    const { partitions } = this.parts;
    if (needs.length > 0) {
      const parents = partitions.ofParents(needs);
      if (!parents.ok) throw new YardError(parents.error);
      if (parents.value !== null) return parents.value;
    }
    return claim === null ? partitions.next() : partitions.ofClaim(claim);
  }

  /** Takes tokens around a submission; refused or repeated, they come back. */
  async #spend(
    identity: Identity,
    count: number,
    submit: () => Promise<SubmitReply & { readonly refused?: number }>,
  ): Promise<{ reply: SubmitReply; receipt: Receipt }> {
    const taken = this.parts.tokens.take(identity, count);
    const receipt = taken instanceof Promise ? await taken : taken;
    try {
      const reply = await submit();
      if (receipt !== UNLIMITED && (reply.repeated || (reply.refused ?? 0) > 0))
        this.parts.tokens.giveBack(receipt, reply.repeated ? count : reply.refused);
      return { reply, receipt };
    } catch (cause) {
      // After an unknown outcome the tasks may be there: their tokens stay spent.
      if (receipt !== UNLIMITED && !(cause instanceof YardError && cause.code === 'outcome-unknown'))
        this.parts.tokens.giveBack(receipt);
      throw cause;
    }
  }

  /** Pins the script and stores a large input: durable before the event that names them. */
  async #complete(task: TranslatedTask, identity: Identity): Promise<TranslatedTask> {
    if (task.script === null && !task.hasLargeInput) return task;
    const { run } = task.content;
    const scriptHash = task.script === null ? null : await this.parts.scripts.pin(identity, task.script);
    const input = task.hasLargeInput
      ? { $blob: await this.parts.blobs.put(identity.tenant, Buffer.from(JSON.stringify(run.input))) }
      : run.input;
    return { ...task, content: { ...task.content, run: { ...run, scriptHash, input } } };
  }

  async #completeAll(
    tasks: readonly TranslatedTask[],
    identity: Identity,
  ): Promise<readonly TranslatedTask[]> {
    if (tasks.every((task) => task.script === null && !task.hasLargeInput)) return tasks;
    const complete: TranslatedTask[] = [];
    for (const task of tasks) {
      try {
        complete.push(await this.#complete(task, identity));
      } catch (cause) {
        throw cause instanceof YardError ? new YardError(underKey(cause.rejection, task.content.key)) : cause;
      }
    }
    return complete;
  }

  async #send(partition: number, parts: SubmissionParts): Promise<SubmitReply> {
    const bytes = packSubmit(parts);
    const reply =
      bytes.length <= COMMAND_BYTES
        ? await this.parts.bus.requestBytes<SubmitReply>(commands.tasks(partition), bytes)
        : await this.#sendAsBlob(partition, parts, bytes);
    if (reply.ok) return reply.value;
    throw new YardError(reply.rejection);
  }

  /** Too large for one message: the command lies in the blob store and the owner is told where. */
  async #sendAsBlob(
    partition: number,
    { identity }: SubmissionParts,
    bytes: Uint8Array,
  ): Promise<Reply<SubmitReply>> {
    const sha256 = await this.parts.blobs.put(identity.tenant, bytes);
    return await this.parts.bus.request<SubmitReply>(
      commands.tasks(partition),
      { op: 'submit-blob', sha256, tenant: identity.tenant },
      { timeoutMs: 30_000 },
    );
  }

  /** Slices over the partitions; whole to one of them with an idempotency key, so that a repeat meets the same owner. */
  async #sendBulk(
    tasks: readonly (TranslatedTask | null)[],
    places: readonly number[],
    results: ({ id: string; state: string } | { rejection: Rejection })[],
    context: SubmitContext,
    claim: Claim | null,
  ): Promise<SubmitReply & { refused: number }> {
    const slices =
      claim === null
        ? this.#slices(tasks)
        : [
            {
              partition: this.parts.partitions.ofClaim(claim),
              members: [...tasks.keys()].filter((i) => tasks[i] !== null),
            },
          ];
    let last: SubmitReply | null = null;
    let refused = tasks.filter((task) => task === null).length;
    let failure: Rejection | null = null;
    await Promise.all(
      slices.map(async ({ partition, members }) => {
        const answer = await this.#sendSlice(
          partition,
          members,
          tasks,
          context,
          claim,
          (member, why) => {
            results[places[member]!] = { rejection: underItem(why, places[member]!) };
            failure ??= why;
            refused++;
          },
          (member, id) => {
            results[places[member]!] = { id, state: initialState(tasks[member]!) };
          },
        );
        last = answer ?? last;
      }),
    );
    if (last !== null) return { ...(last as SubmitReply), refused };
    throw new YardError(
      slices.length === 1 && failure !== null && tasks.length === results.length
        ? failure
        : allRefused(results),
    );
  }

  #slices(tasks: readonly (TranslatedTask | null)[]): { partition: number; members: number[] }[] {
    const size = Math.min(
      SLICE_MOST,
      Math.max(SLICE_LEAST, Math.ceil(tasks.length / this.parts.partitions.count)),
    );
    const slices: { partition: number; members: number[] }[] = [];
    const byParents = new Map<number, { partition: number; members: number[] }>();
    let open: { partition: number; members: number[] } | null = null;
    for (const [i, task] of tasks.entries()) {
      if (task === null) continue;
      if (task.needs.length > 0) {
        const partition = this.#partitionOf(task.needs, null);
        const slice = byParents.get(partition);
        if (slice === undefined || slice.members.length >= SLICE_MOST) {
          const fresh = { partition, members: [i] };
          byParents.set(partition, fresh);
          slices.push(fresh);
        } else slice.members.push(i);
        continue;
      }
      if (open === null || open.members.length >= size)
        slices.push((open = { partition: this.parts.partitions.next(), members: [] }));
      open.members.push(i);
    }
    return slices;
  }

  /** One slice is admitted whole or not at all; the faulty tasks that the owner names are left out of a second try. */
  async #sendSlice(
    partition: number,
    members: readonly number[],
    tasks: readonly (TranslatedTask | null)[],
    context: SubmitContext,
    claim: Claim | null,
    onRefused: (member: number, why: Rejection) => void,
    onAccepted: (member: number, id: string) => void,
  ): Promise<SubmitReply | null> {
    if (members.length === 0) return null;
    const parts: SubmissionParts = {
      ...partsOf(context, claim),
      tasks: members.map((i) => tasks[i]!),
      parents: null,
      workflow: null,
    };
    const bytes = packSubmit(parts);
    if (bytes.length > COMMAND_BYTES && claim === null && members.length > 1) {
      const half = members.length >> 1;
      const [, answer] = await Promise.all(
        [members.slice(0, half), members.slice(half)].map(
          async (part) => await this.#sendSlice(partition, part, tasks, context, null, onRefused, onAccepted),
        ),
      );
      return answer ?? null;
    }
    const reply =
      bytes.length > COMMAND_BYTES
        ? await this.#sendAsBlob(partition, parts, bytes)
        : await this.parts.bus.requestBytes<SubmitReply>(commands.tasks(partition), bytes);
    if (reply.ok) {
      for (const [n, member] of members.entries()) onAccepted(member, reply.value.ids[n]!);
      return reply.value;
    }
    const named = refusedAlike(reply.rejection, parts.tasks);
    if (named.size === 0 || named.size === members.length || claim !== null) {
      for (const member of members) onRefused(member, reply.rejection);
      return null;
    }
    for (const n of named)
      onRefused(members[n]!, {
        ...reply.rejection,
        errors: [{ path: '', message: reply.rejection.errors?.[0]?.message ?? reply.rejection.detail }],
      });
    return await this.#sendSlice(
      partition,
      members.filter((_, n) => !named.has(n)),
      tasks,
      context,
      null,
      onRefused,
      onAccepted,
    );
  }

  async #counted<T>(count: number, submit: () => Promise<T>): Promise<T> {
    try {
      const accepted = await submit();
      this.parts.onOutcome?.('accepted', count);
      return accepted;
    } catch (cause) {
      if (cause instanceof YardError) this.parts.onOutcome?.(cause.code, count);
      throw cause;
    }
  }
}

function partsOf(
  { identity, traceparent }: SubmitContext,
  claim: Claim | null,
): Pick<SubmissionParts, 'identity' | 'claim' | 'waiter' | 'traceparent'> {
  return { identity, claim, waiter: null, traceparent };
}

function claimFor({ idempotencyKey, identity }: SubmitContext, body: unknown): Claim | null {
  if (idempotencyKey === null) return null;
  if (!IDEMPOTENCY_KEY.test(idempotencyKey))
    throw new YardError(
      rejection('invalid-request', 'an idempotency key is 1 to 255 visible ASCII characters', {
        errors: [{ path: 'Idempotency-Key', message: 'is not 1 to 255 visible ASCII characters' }],
      }),
    );
  return claimOf(identity.tenant, idempotencyKey, body);
}

export function initialState({ dueAt, needs }: Pick<TranslatedTask, 'dueAt' | 'needs'>): string {
  if (needs.length > 0) return 'blocked';
  return dueAt === null ? 'ready' : 'scheduled';
}

/** Places of the tasks that a rejection names by `tasks[3]`, and of those that would be refused for the same reason. */
function refusedAlike({ code, errors, extra }: Rejection, tasks: readonly TranslatedTask[]): Set<number> {
  const named = new Set<number>();
  for (const { path } of errors ?? []) {
    const n = /^tasks\[(\d+)\]/.exec(path)?.[1];
    if (n !== undefined && Number(n) < tasks.length) named.add(Number(n));
  }
  const [first] = named;
  if (first === undefined) return named;
  const parent = extra?.['parent'];
  for (const [i, task] of tasks.entries()) {
    if (
      code === 'never-runnable'
        ? task.spec === tasks[first]!.spec
        : typeof parent === 'string' && task.needs.includes(parent)
    )
      named.add(i);
  }
  return named;
}

function underItem(why: Rejection, item: number): Rejection {
  if (why.errors === undefined) return why;
  return {
    ...why,
    errors: why.errors.map(({ path, message }) => ({
      path: `tasks[${String(item)}]${path === '' ? '' : `.${path.replace(/^tasks\[\d+\]\.?/, '')}`}`,
      message,
    })),
  };
}

function underKey(why: Rejection, key: string | null): Rejection {
  if (why.errors === undefined || key === null) return why;
  return {
    ...why,
    errors: why.errors.map(({ path, message }) => ({ path: `tasks.${key}.${path}`, message })),
  };
}

function allRefused(
  results: readonly ({ id: string; state: string } | { rejection: Rejection })[],
): Rejection {
  const rejections = results.filter((result) => 'rejection' in result).map(({ rejection: why }) => why);
  const first = rejections[0]!;
  const errors = rejections.flatMap(({ errors: faults }) => faults ?? []).slice(0, 50);
  const same = rejections.every(({ code }) => code === first.code);
  return {
    ...(same ? first : rejection('invalid-request', first.detail)),
    ...(errors.length > 0 ? { errors } : {}),
  };
}

/** An item of a bulk answer. */
export function itemJson(
  item: { readonly id: string; readonly state: string } | { readonly rejection: Rejection },
  traceId: string,
): unknown {
  return 'rejection' in item ? { error: problemOf(item.rejection, traceId) } : item;
}
