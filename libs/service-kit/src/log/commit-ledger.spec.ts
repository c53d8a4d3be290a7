import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommitLedger } from './commit-ledger.js';

describe('the ledger of proposals', () => {
  it('lets an effect happen when everything up to its proposal is on disk, not before (I21)', () => {
    const ledger = new CommitLedger();
    const done: string[] = [];
    const [first, second] = [ledger.issue(), ledger.issue()];
    ledger.when(second, () => {
      done.push('second');
    });
    ledger.committed(second);
    expect([done, ledger.settled]).toEqual([[], false]);
    ledger.committed(first);
    expect([done, ledger.settled]).toEqual([['second'], true]);
    ledger.when(second, () => {
      done.push('at once');
    });
    expect(done).toEqual(['second', 'at once']);
  });

  it('in doubt, lets nothing happen before one more proposal is on disk', () => {
    const ledger = new CommitLedger();
    const done: string[] = [];
    const late = ledger.issue();
    ledger.when(late, () => {
      done.push('late');
    });
    ledger.doubt();
    ledger.committed(late);
    const proof = ledger.issue();
    ledger.prove();
    ledger.when(late, () => {
      done.push('later');
    });
    expect([done, ledger.isInDoubt]).toEqual([[], false]);
    ledger.committed(proof);
    expect(done).toEqual(['late', 'later']);
  });

  it('in doubt, lets happen what waits when the proof is on disk before it is named', () => {
    const ledger = new CommitLedger();
    let ran = 0;
    const late = ledger.issue();
    ledger.when(late, () => {
      ran++;
    });
    ledger.doubt();
    ledger.committed(late);
    ledger.committed(ledger.issue());
    expect(ran).toBe(0);
    ledger.prove();
    expect(ran).toBe(1);
  });

  it('lets nothing happen any more once a proposal failed', () => {
    const ledger = new CommitLedger();
    let ran = 0;
    const ticket = ledger.issue();
    ledger.when(ticket, () => {
      ran++;
    });
    ledger.abandon();
    ledger.committed(ticket);
    ledger.when(ticket, () => {
      ran++;
    });
    expect(ran).toBe(0);
  });

  it('runs effects in the order in which they were asked for, each once, in whatever order commits arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ issue: fc.boolean(), commit: fc.nat(20) }), { maxLength: 80 }),
        (steps) => {
          const ledger = new CommitLedger();
          const open: number[] = [];
          const ran: number[] = [];
          const stored = new Set<number>();
          let asked = 0;
          for (const { issue, commit } of steps) {
            if (issue) {
              const ticket = ledger.issue();
              open.push(ticket);
              const n = asked++;
              ledger.when(ticket, () => {
                for (let before = 1; before <= ticket; before++) expect(stored.has(before)).toBe(true);
                ran.push(n);
              });
            } else if (open.length > 0) {
              const [ticket = 0] = open.splice(commit % open.length, 1);
              stored.add(ticket);
              ledger.committed(ticket);
            }
          }
          for (const ticket of open) {
            stored.add(ticket);
            ledger.committed(ticket);
          }
          expect(ran).toEqual(Array.from({ length: asked }, (_, i) => i));
          expect(ledger.settled).toBe(true);
        },
      ),
    );
  });
});
