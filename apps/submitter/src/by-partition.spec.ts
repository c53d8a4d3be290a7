import type { Envelope } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';
import { describe, expect, it } from 'vitest';
import { eventsOfPartition } from './by-partition.js';

const gone = (n: number): DomainEvent =>
  ({ type: 'WorkerGone', worker: `w${String(n)}`, why: 'left' }) as DomainEvent;
const givenUp = (p: number, attempt: number): DomainEvent =>
  ({ type: 'TaskGivenUp', id: '1', p, attempt, category: 'app' }) as DomainEvent;
const envelope = (events: DomainEvent[]): Envelope => ({ events }) as unknown as Envelope;

describe('the events of one partition', () => {
  it('are those that name it and those that name none, in order', () => {
    const events = [gone(0), givenUp(1, 1), gone(1), givenUp(2, 2), gone(2), givenUp(1, 3), gone(3)];
    const all = envelope(events);
    for (const p of [0, 1, 2, 3])
      expect(eventsOfPartition(all, p)).toEqual(events.filter((e) => !('p' in e) || e.p === p));
  });

  it('are none when every event names another', () => {
    expect(eventsOfPartition(envelope([givenUp(1, 1)]), 2)).toEqual([]);
  });
});
