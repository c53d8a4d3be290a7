import type { AccountEvent, AlertEvent, ClusterEvent, IdEvent } from './platform-events.js';
import type { LeaseEvent, QueueEvent, TaskEvent } from './task-events.js';

export * from './platform-events.js';
export * from './scheduling-spec.js';
export * from './task-events.js';

/** Every event of every stream. */
export type DomainEvent =
  ClusterEvent | AccountEvent | IdEvent | TaskEvent | QueueEvent | LeaseEvent | AlertEvent;
export type EventType = DomainEvent['type'];
