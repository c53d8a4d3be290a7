import { AUDIT_PAGE, type AuditCommand, type OwnerAudit } from '@yardmaster/contracts';
import {
  isEnded,
  liveAttempt,
  type OwnerSays,
  type PartitionState,
  type TaskRecord,
} from '@yardmaster/domain';
import { Rounds, type TaskId } from '@yardmaster/kernel';

/** Tasks that are looked at for one answer: most have ended, or wait for their parents. */
const MOST_LOOKED_AT = 10_000;

/** What the owner says of its tasks to whoever compares it with what others say. */
export class TaskAudit {
  readonly #rounds: Rounds<TaskRecord>;

  constructor(private readonly state: PartitionState) {
    this.#rounds = new Rounds(() => state.tasks.values());
  }

  answer({ ids }: AuditCommand): OwnerAudit {
    if (ids !== null)
      return ids.map((id) => {
        const task = this.state.tasks.get(id as TaskId);
        return [id, task === undefined ? null : saysOf(task)];
      });
    return this.#rounds
      .next(AUDIT_PAGE, isElsewhereToo, MOST_LOOKED_AT)
      .map((task) => [task.id, saysOf(task)]);
  }
}

/** Others should know of it too. */
function isElsewhereToo(task: TaskRecord): boolean {
  return task.state === 'queued' || task.state === 'backing_off' || liveAttempt(task) !== null;
}

function saysOf(task: TaskRecord): OwnerSays {
  return { state: task.state, isEnded: isEnded(task.state), fence: liveAttempt(task)?.fence ?? null };
}
