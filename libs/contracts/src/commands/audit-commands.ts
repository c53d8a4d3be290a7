import type { OwnerSays, QueueSays, ResourcesSay } from '@yardmaster/domain';

/**
 * From the monitor, which compares what those say who know a task. `ids`: of these; null = of some more of those that it holds,
 * in their turn.
 */
export interface AuditCommand {
  readonly op: 'audit';
  readonly ids: readonly string[] | null;
}

/** Answers, in the order of `ids` where those are given. null = it is not known here. */
export type OwnerAudit = readonly (readonly [task: string, says: OwnerSays | null])[];
export type QueueAudit = readonly (readonly [task: string, says: QueueSays])[];
export type ResourcesAudit = readonly (readonly [task: string, says: ResourcesSay])[];

/** Tasks in one answer. */
export const AUDIT_PAGE = 500;
