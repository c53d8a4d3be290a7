import { AUDIT_PAGE, type AuditCommand, type QueueAudit } from '@yardmaster/contracts';
import type { QueueEntry, QueueState } from '@yardmaster/domain';
import { Rounds, type TaskId } from '@yardmaster/kernel';

/** What the queue manager says of its tasks to whoever compares it with what others say. */
export class EntryAudit {
  readonly #rounds: Rounds<QueueEntry>;

  constructor(private readonly state: QueueState) {
    this.#rounds = new Rounds(() => state.entries.values());
  }

  answer({ ids }: AuditCommand): QueueAudit {
    return ids === null
      ? this.#rounds.next(AUDIT_PAGE).map(({ task, state }) => [task.id, state])
      : ids.map((id) => [id, this.state.entries.get(id as TaskId)?.state ?? null]);
  }
}
