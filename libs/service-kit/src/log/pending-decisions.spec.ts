import type { DomainEvent } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { PendingDecisions } from './pending-decisions.js';

const event = (n: number): DomainEvent => ({ type: 'TasksDue', ids: [String(n)] }) as unknown as DomainEvent;
const events = (from: number, count: number): DomainEvent[] =>
  Array.from({ length: count }, (_, i) => event(from + i));

describe('decisions that wait for their envelope', () => {
  it('leave in order, as many as fit, each whole and with its own effect', () => {
    const pending = new PendingDecisions();
    const ran: string[] = [];
    pending.add(events(0, 2), () => ran.push('a'), 10);
    pending.add(events(2, 1), undefined, 10);
    pending.add(events(3, 2), () => ran.push('b'), 10);
    pending.add([], () => ran.push('c'), 0);
    const first = pending.take(4, 1_000);
    expect([first.events, first.decisions, first.bytes]).toEqual([events(0, 3), 2, 20]);
    for (const effect of first.effects) effect({ stream: 's', seq: 1 });
    expect(ran).toEqual(['a']);
    const second = pending.take(4, 1_000);
    expect([second.events, second.decisions]).toEqual([events(3, 2), 2]);
    for (const effect of second.effects) effect({ stream: 's', seq: 2 });
    expect(ran).toEqual(['a', 'b', 'c']);
    expect(pending.isEmpty).toBe(true);
  });

  it('are cut by size too, and one that is too large alone leaves alone', () => {
    const pending = new PendingDecisions();
    pending.add(events(0, 9), undefined, 500);
    pending.add(events(9, 1), undefined, 60);
    pending.add(events(10, 1), undefined, 60);
    expect(pending.take(4, 100).events).toEqual(events(0, 9));
    expect(pending.take(4, 100).events).toEqual(events(9, 1));
    expect(pending.isEmpty).toBe(false);
    expect(pending.take(4, 100).events).toEqual(events(10, 1));
    expect(pending.isEmpty).toBe(true);
  });
});
