import { YardError, type Identity, type Rejection } from '@yardmaster/contracts';
import type { BlobStore } from '@yardmaster/ports';
import type { ScriptStore } from '../scripts/script-store.js';
import type { TranslatedTask } from './translate-task.js';

/** Pins scripts and stores large inputs: durable before the event that names them. */
export class Completion {
  constructor(
    private readonly scripts: ScriptStore,
    private readonly blobs: BlobStore,
  ) {}

  async one(task: TranslatedTask, identity: Identity): Promise<TranslatedTask> {
    if (isComplete(task)) return task;
    const { run } = task.content;
    const scriptHash = task.script === null ? null : await this.scripts.pin(identity, task.script);
    const input = task.hasLargeInput
      ? { $blob: await this.blobs.put(identity.tenant, Buffer.from(JSON.stringify(run.input))) }
      : run.input;
    return { ...task, content: { ...task.content, run: { ...run, scriptHash, input } } };
  }

  /** All, or the first refusal, told under the key of its task. */
  async all(tasks: readonly TranslatedTask[], identity: Identity): Promise<readonly TranslatedTask[]> {
    return await this.each(tasks, identity, (i, why) => {
      throw new YardError(underKey(why, tasks[i]!.content.key));
    });
  }

  /** Those that can be completed; `onRefused` hears of the others, which are left as they are. */
  async each(
    tasks: readonly TranslatedTask[],
    identity: Identity,
    onRefused: (i: number, why: Rejection) => void,
  ): Promise<readonly TranslatedTask[]> {
    if (tasks.every(isComplete)) return tasks;
    const complete: TranslatedTask[] = [];
    for (const [i, task] of tasks.entries()) {
      try {
        complete.push(await this.one(task, identity));
      } catch (cause) {
        if (!(cause instanceof YardError)) throw cause;
        onRefused(i, cause.rejection);
        complete.push(task);
      }
    }
    return complete;
  }
}

function isComplete({ script, hasLargeInput }: TranslatedTask): boolean {
  return script === null && !hasLargeInput;
}

function underKey(why: Rejection, key: string | null): Rejection {
  if (why.errors === undefined || key === null) return why;
  return {
    ...why,
    errors: why.errors.map(({ path, message }) => ({ path: `tasks.${key}.${path}`, message })),
  };
}
