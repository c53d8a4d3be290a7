import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome, RetryPolicy } from '../events/index.js';
import { afterFailure, COST_OF, countsAsAttempt, type EndedAttempt } from './after-failure.js';

const policy: RetryPolicy = {
  maxAttempts: 3,
  lostBudget: 5,
  initialBackoffMs: 1_000,
  maxBackoffMs: 5_000,
  on: null,
};
const ended = (change: Partial<EndedAttempt>) =>
  afterFailure({ policy, counted: 0, infra: 0, outcome: 'app', rand: 0.5, ...change });

describe('after a failure', () => {
  it.each(['app', 'over-memory', 'over-disk', 'over-cap'] as const)(
    '%s uses up an attempt and backs off',
    (outcome) => {
      expect(ended({ outcome })).toEqual({ kind: 'retry', delayMs: 500, counted: 1, infra: 0 });
      expect(ended({ outcome, counted: 1 })).toEqual({ kind: 'retry', delayMs: 1_000, counted: 2, infra: 0 });
      expect(ended({ outcome, counted: 2 })).toEqual({ kind: 'give-up', counted: 3, infra: 0 });
      expect(countsAsAttempt(outcome)).toBe(true);
    },
  );

  it('waits at least as long as the worker asked, and longer where its own backoff is longer', () => {
    expect(ended({ retryAfterMs: 7_000 })).toMatchObject({ delayMs: 7_000, counted: 1 });
    expect(ended({ retryAfterMs: 100 })).toMatchObject({ delayMs: 500, counted: 1 });
    expect(ended({ retryAfterMs: 7_000, counted: 2 })).toMatchObject({ kind: 'give-up' });
  });

  it('a snoozed attempt comes back when it asked to, at no cost', () => {
    expect(ended({ outcome: 'snoozed', retryAfterMs: 7_000, counted: 2, infra: 5 })).toEqual({
      kind: 'retry',
      delayMs: 7_000,
      counted: 2,
      infra: 5,
    });
    expect(countsAsAttempt('snoozed')).toBe(false);
  });

  it('counts the first execution among maxAttempts', () => {
    expect(ended({ policy: { ...policy, maxAttempts: 1 } })).toMatchObject({ kind: 'give-up' });
  });

  it('never waits longer than the longest backoff', () => {
    expect(ended({ policy: { ...policy, maxAttempts: 5_000 }, counted: 4_000, rand: 0.999 })).toMatchObject({
      delayMs: 4_995,
    });
  });

  it.each(['lost', 'infra', 'gang-broken'] as const)('%s has a budget of its own', (outcome) => {
    expect(ended({ outcome, infra: 4 })).toMatchObject({ kind: 'retry', counted: 0, infra: 5 });
    expect(ended({ outcome, infra: 5 })).toEqual({ kind: 'give-up', counted: 0, infra: 6 });
    expect(ended({ outcome, policy: { ...policy, lostBudget: 0 } })).toMatchObject({ kind: 'give-up' });
    expect(countsAsAttempt(outcome)).toBe(false);
  });

  it('spreads what was lost over five seconds', () => {
    expect(ended({ outcome: 'lost', rand: 0 })).toMatchObject({ delayMs: 0 });
    expect(ended({ outcome: 'lost', infra: 3, rand: 0.9999 })).toMatchObject({ delayMs: 4_999 });
  });

  it.each(['preempted', 'drained', 'withdrawn', 'superseded', 'void'] as const)(
    '%s comes back at once and costs nothing',
    (outcome) => {
      expect(ended({ outcome, counted: 9, infra: 9 })).toEqual({
        kind: 'retry',
        delayMs: 0,
        counted: 9,
        infra: 9,
      });
    },
  );

  it.each(['permanent', 'cancelled'] as const)('%s is the end', (outcome) => {
    expect(ended({ outcome })).toEqual({ kind: 'give-up', counted: 0, infra: 0 });
  });

  it('retries only the categories that the task names, and what was not its fault', () => {
    const narrow: RetryPolicy = { ...policy, on: ['over-memory'] };
    expect(ended({ policy: narrow })).toMatchObject({ kind: 'give-up' });
    expect(ended({ policy: narrow, outcome: 'over-memory' })).toMatchObject({ kind: 'retry' });
    expect(ended({ policy: narrow, outcome: 'lost' })).toMatchObject({ kind: 'retry' });
  });

  it('takes the end of a good attempt for a bug', () => {
    expect(() => ended({ outcome: 'ok' })).toThrow('not retried');
    expect(countsAsAttempt('ok')).toBe(false);
  });

  it('executes at most maxAttempts + lostBudget times, whatever fails, free ends aside', () => {
    const costly = (Object.keys(COST_OF) as Exclude<Outcome, 'ok'>[]).filter((o) => COST_OF[o] !== 'free');
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.constantFrom(...costly)),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(6),
        (outcomes, maxAttempts, lostBudget) => {
          let [counted, infra, runs] = [0, 0, 0];
          for (;;) {
            runs++;
            const next = ended({
              policy: { ...policy, maxAttempts, lostBudget },
              counted,
              infra,
              outcome: outcomes.next().value,
            });
            if (next.kind === 'give-up') break;
            ({ counted, infra } = next);
          }
          expect(runs).toBeLessThanOrEqual(maxAttempts + lostBudget);
        },
      ),
    );
  });
});
