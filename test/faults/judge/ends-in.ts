import type { DomainEvent } from '@yardmaster/domain';

/** Tasks that end with an event, and how. */
export function endsIn(event: DomainEvent): [id: string, how: string][] {
  switch (event.type) {
    case 'TaskSucceeded':
      return [[event.id, 'succeeded']];
    case 'TaskFailed':
    case 'TaskCancelled':
      return [
        [event.id, event.type === 'TaskFailed' ? 'failed' : 'cancelled'],
        ...event.upstreamFailed.map((id): [string, string] => [id, 'upstream_failed']),
      ];
    default:
      return [];
  }
}
