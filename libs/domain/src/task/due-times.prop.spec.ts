import { asTaskId, compareIds, type TaskId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueTimes } from './due-times.js';

describe('due times', () => {
  it('tell what a sorted list tells, whatever left meanwhile', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), at: fc.nat(500) }),
      fc.record({ do: fc.constant('leave' as const), nth: fc.nat(200) }),
      fc.record({ do: fc.constant('pass' as const), to: fc.nat(500) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const due = new DueTimes();
        const list = new Map<TaskId, number>();
        const isScheduled = (id: TaskId): boolean => list.has(id);
        let ids = 0;
        for (const one of steps) {
          if (one.do === 'add') {
            const id = asTaskId(String(400_000_000_999_999_990n + BigInt(ids++)));
            due.add(id, one.at);
            list.set(id, one.at);
          } else if (one.do === 'leave') {
            const id = [...list.keys()][one.nth];
            if (id !== undefined) list.delete(id);
          } else {
            const expected = [...list].filter(([, at]) => at <= one.to).map(([id]) => id);
            expect(due.due(one.to, isScheduled)).toEqual(expected.sort(compareIds));
            for (const id of expected) list.delete(id);
          }
          expect(due.next(isScheduled)).toBe(Math.min(Infinity, ...list.values()));
        }
        list.clear();
        expect([due.next(isScheduled), due.size]).toEqual([Infinity, 0]);
      }),
    );
  });
});
