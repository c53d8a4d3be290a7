import type { Envelope } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';

const known = new WeakMap<Envelope, ReadonlyMap<number, readonly DomainEvent[]>>();

/**
 * The events of a queue's or a lease's envelope that concern one partition: those that name it, and those that name none. An
 * envelope is sorted once for all partitions of the process, instead of each looking at every event.
 */
export function eventsOfPartition(envelope: Envelope, partition: number): readonly DomainEvent[] {
  let sorted = known.get(envelope);
  if (sorted === undefined) known.set(envelope, (sorted = sort(envelope.events)));
  return sorted.get(partition) ?? sorted.get(ANY) ?? NONE;
}

const ANY = -1;
const NONE: readonly DomainEvent[] = [];

function sort(events: readonly DomainEvent[]): Map<number, DomainEvent[]> {
  const sorted = new Map<number, DomainEvent[]>();
  for (const event of events) {
    if ('p' in event) {
      const own = sorted.get(event.p);
      if (own !== undefined) own.push(event);
      // What concerns all and came before concerns this one too.
      else sorted.set(event.p, [...(sorted.get(ANY) ?? NONE), event]);
      continue;
    }
    const all = sorted.get(ANY);
    if (all === undefined) sorted.set(ANY, [event]);
    for (const [p, own] of sorted) if (p !== ANY || all !== undefined) own.push(event);
  }
  return sorted;
}
