import { pack, toWire, type SubmitCommand, type TaskDraft } from '@yardmaster/contracts';
import type { Claim, SchedulingSpec } from '@yardmaster/domain';
import type { Identity } from '@yardmaster/contracts';
import type { TranslatedTask } from './translate-task.js';

/** A command larger than this travels in parts, or as a blob: the broker takes messages up to 1 MB. */
export const COMMAND_BYTES = 700 * 1024;

const NO_PARENTS: readonly number[] = Object.freeze([]);

export interface SubmissionParts {
  readonly identity: Identity;
  readonly tasks: readonly TranslatedTask[];
  readonly parents: readonly (readonly number[])[] | null;
  readonly workflow: SubmitCommand['workflow'];
  readonly claim: Claim | null;
  readonly waiter: string | null;
  readonly traceparent: string | null;
}

/** Bytes of the command for the owner. */
export function packSubmit(
  { identity, tasks, parents, workflow, claim, waiter, traceparent }: SubmissionParts,
  level: number,
): Uint8Array {
  const specs: SchedulingSpec[] = [];
  const numbers = new Map<SchedulingSpec, number>();
  const drafts = new Array<TaskDraft>(tasks.length);
  let lastSpec: SchedulingSpec | null = null;
  let lastNumber = 0;
  for (let i = 0; i < tasks.length; i++) {
    const task = tasks[i]!;
    if (task.spec !== lastSpec) {
      lastSpec = task.spec;
      let number = numbers.get(task.spec);
      if (number === undefined) {
        number = specs.length;
        specs.push(task.spec);
        numbers.set(task.spec, number);
      }
      lastNumber = number;
    }
    drafts[i] = {
      spec: lastNumber,
      content: task.content,
      dueAt: task.dueAt,
      needs: task.needs,
      parents: parents?.[i] ?? NO_PARENTS,
    };
  }
  const command: SubmitCommand = {
    op: 'submit',
    tenant: identity.tenant,
    user: identity.user,
    waiter,
    specs,
    tasks: drafts,
    workflow,
    claim,
    traceparent,
  };
  return pack(toWire(command, level));
}
