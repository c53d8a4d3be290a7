import { YardError, rejection, type Rejection, type Reply, type SubmitReply } from '@yardmaster/contracts';
import { idPartition } from '@yardmaster/domain';
import type { OwnerDispatch } from './owner-dispatch.js';
import type { PartitionChooser } from './partitions.js';
import { COMMAND_BYTES, type SubmissionParts } from './submit-command.js';
import type { TranslatedTask } from './translate-task.js';

const SLICE_LEAST = 500;
const SLICE_MOST = 1_000;

export type BulkResult = { readonly id: string } | { readonly rejection: Rejection };

export interface BulkOutcome {
  /** In the order of the tasks. */
  readonly results: readonly BulkResult[];
  /** How many were certainly not admitted. */
  readonly refused: number;
  /** All of them are of an earlier submission with the same key. */
  readonly repeated: boolean;
  /** Where one of the acceptances stands in the log; null when there is none. */
  readonly last: SubmitReply | null;
}

interface Slice {
  readonly partition: number;
  readonly members: number[];
}

/** Sends many tasks in slices over the partitions, each slice admitted whole or not at all. */
export class BulkSender {
  constructor(
    private readonly partitions: PartitionChooser,
    private readonly dispatch: OwnerDispatch,
  ) {}

  /** `skip` = places that were refused before. With a claim all go to one owner, so that a repeat meets the same one. */
  async send(common: SubmissionParts, skip: ReadonlyMap<number, Rejection>): Promise<BulkOutcome> {
    const run = new BulkRun(common, this.dispatch);
    for (const [place, why] of skip) run.refuse(place, why);
    const slices = common.claim === null ? this.#spread(common, skip) : [this.#together(common, skip, run)];
    await Promise.all(
      slices.map(async ({ partition, members }) => {
        await run.slice(partition, members);
      }),
    );
    return run.outcome();
  }

  #together({ tasks, claim }: SubmissionParts, skip: ReadonlyMap<number, Rejection>, run: BulkRun): Slice {
    const parent = tasks.find(({ needs }, i) => needs.length > 0 && !skip.has(i))?.needs[0];
    const partition = parent === undefined ? this.partitions.ofClaim(claim!) : idPartition(parent);
    const members: number[] = [];
    for (const [i, { needs }] of tasks.entries()) {
      if (skip.has(i)) continue;
      if (needs.length === 0 || idPartition(needs[0]!) === partition) members.push(i);
      else
        run.refuse(
          i,
          rejection(
            'parents-in-several-partitions',
            'the tasks of a bulk with an idempotency key depend on tasks of one partition only',
          ),
        );
    }
    return { partition, members };
  }

  #spread({ tasks }: SubmissionParts, skip: ReadonlyMap<number, Rejection>): Slice[] {
    const size = Math.min(SLICE_MOST, Math.max(SLICE_LEAST, Math.ceil(tasks.length / this.partitions.count)));
    const slices: Slice[] = [];
    const ofParents = new Map<number, Slice>();
    let open: Slice | null = null;
    for (let i = 0; i < tasks.length; i++) {
      if (skip.has(i)) continue;
      const [parent] = tasks[i]!.needs;
      if (parent === undefined) {
        if (open === null || open.members.length >= size) {
          open = { partition: this.partitions.next(), members: [] };
          slices.push(open);
        }
        open.members.push(i);
        continue;
      }
      const partition = idPartition(parent);
      let slice = ofParents.get(partition);
      if (slice === undefined || slice.members.length >= SLICE_MOST) {
        slice = { partition, members: [] };
        ofParents.set(partition, slice);
        slices.push(slice);
      }
      slice.members.push(i);
    }
    return slices;
  }
}

/** What became of the tasks of one bulk so far. */
class BulkRun {
  readonly #results: BulkResult[];
  #refused = 0;
  #last: SubmitReply | null = null;

  constructor(
    private readonly common: SubmissionParts,
    private readonly dispatch: OwnerDispatch,
  ) {
    this.#results = new Array<BulkResult>(common.tasks.length);
  }

  outcome(): BulkOutcome {
    return {
      results: this.#results,
      refused: this.#refused,
      repeated: this.#last?.repeated ?? false,
      last: this.#last,
    };
  }

  refuse(place: number, why: Rejection): void {
    this.#results[place] = { rejection: why };
    // What may have been admitted all the same is not refused.
    if (why.code !== 'outcome-unknown') this.#refused++;
  }

  /** The faulty tasks that the owner names are left out of a second try. */
  async slice(partition: number, members: readonly number[]): Promise<void> {
    if (members.length === 0) return;
    const parts: SubmissionParts = { ...this.common, tasks: members.map((i) => this.common.tasks[i]!) };
    const bytes = this.dispatch.pack(parts);
    if (bytes.length > COMMAND_BYTES && parts.claim === null && members.length > 1) {
      const half = members.length >> 1;
      await Promise.all([
        this.slice(partition, members.slice(0, half)),
        this.slice(partition, members.slice(half)),
      ]);
      return;
    }
    const reply: Reply<SubmitReply> = await this.dispatch.sendBytes(partition, parts, bytes);
    if (reply.ok) {
      this.#last = reply.value;
      for (const [n, place] of members.entries()) this.#results[place] = { id: reply.value.ids[n]! };
      return;
    }
    const why = reply.rejection;
    const named = refusedAlike(why, parts.tasks);
    if (named.size === 0 || named.size === members.length || parts.claim !== null) {
      for (const place of members) this.refuse(place, withoutNames(why));
      return;
    }
    for (const n of named) this.refuse(members[n]!, withoutNames(why));
    await this.slice(
      partition,
      members.filter((_, n) => !named.has(n)),
    );
  }
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
    const isAlike =
      code === 'never-runnable'
        ? task.spec === tasks[first]!.spec
        : typeof parent === 'string' && task.needs.includes(parent);
    if (isAlike) named.add(i);
  }
  return named;
}

/** The owner's places are of its slice; the caller tells its own. */
function withoutNames(why: Rejection): Rejection {
  const [first] = why.errors ?? [];
  return first === undefined ? why : { ...why, errors: [{ path: '', message: first.message }] };
}

/** A refusal as told about item `place` of a bulk. */
export function underItem(why: Rejection, place: number): Rejection {
  if (why.errors === undefined) return why;
  const item = `tasks[${String(place)}]`;
  return {
    ...why,
    errors: why.errors.map(({ path, message }) => ({
      path: path === '' ? item : `${item}.${path}`,
      message,
    })),
  };
}

/** One refusal for a bulk of which nothing was admitted. */
export function allRefused(results: readonly BulkResult[]): YardError {
  const rejections = results.flatMap((result) => ('rejection' in result ? [result.rejection] : []));
  const first = rejections[0] ?? rejection('internal', 'nothing was admitted');
  const errors = rejections.flatMap(({ errors: faults }) => faults ?? []).slice(0, 50);
  const isOne = rejections.every(({ code }) => code === first.code);
  return new YardError({
    ...(isOne ? first : rejection('invalid-request', first.detail)),
    ...(errors.length > 0 ? { errors } : {}),
  });
}
