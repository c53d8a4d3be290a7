import { AUDIT_PAGE, type AuditCommand, type ResourcesAudit } from '@yardmaster/contracts';
import type { CellState, Lease, ResourcesSay } from '@yardmaster/domain';
import { Rounds, type TaskId } from '@yardmaster/kernel';

/** What the resource manager says of leases to whoever compares it with what others say. */
export class LeaseAudit {
  readonly #rounds: Rounds<Lease>;

  constructor(private readonly state: CellState) {
    this.#rounds = new Rounds(() => state.leases.values());
  }

  answer({ ids }: AuditCommand): ResourcesAudit {
    return (ids ?? this.#rounds.next(AUDIT_PAGE).map(({ task }) => task)).map((id) => [id, this.#says(id)]);
  }

  #says(id: string): ResourcesSay {
    const lease = this.state.leases.get(id as TaskId);
    return {
      entry: this.state.entries.get(id as TaskId)?.state ?? null,
      fence: lease?.fence ?? null,
      ttlMs: lease?.ttlMs ?? 0,
    };
  }
}
