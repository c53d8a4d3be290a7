import { invariant } from '@yardmaster/kernel';
import type { Outcome, RetryPolicy } from '../events/index.js';

/** What the end of an attempt costs: `attempts` uses up maxAttempts, `infra` the budget for what is not the task's
 * fault, `free` nothing, `final` ends the task. */
export type Cost = 'attempts' | 'infra' | 'free' | 'final';

export const COST_OF: Readonly<Record<Exclude<Outcome, 'ok'>, Cost>> = {
  app: 'attempts',
  'over-memory': 'attempts',
  'over-disk': 'attempts',
  'over-cap': 'attempts',
  lost: 'infra',
  infra: 'infra',
  'gang-broken': 'infra',
  preempted: 'free',
  drained: 'free',
  snoozed: 'free',
  superseded: 'free',
  withdrawn: 'free',
  void: 'free',
  permanent: 'final',
  cancelled: 'final',
};

/** Requeues of lost attempts are spread over this time, so that a dead worker's tasks do not come back at once. */
export const LOST_SPREAD_MS = 5_000;

export interface EndedAttempt {
  readonly policy: RetryPolicy;
  /** Attempts that counted, and losses, before this one. */
  readonly counted: number;
  readonly infra: number;
  readonly outcome: Outcome;
  /** The worker's wish for the earliest next attempt; 0 = none. */
  readonly retryAfterMs?: number;
  /** Random number in [0, 1). */
  readonly rand: number;
}

export type AfterFailure =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly counted: number; readonly infra: number }
  | { readonly kind: 'give-up'; readonly counted: number; readonly infra: number };

/** Whether a failed attempt is followed by another, and when. The counts returned include it. */
export function afterFailure({
  policy,
  counted,
  infra,
  outcome,
  retryAfterMs = 0,
  rand,
}: EndedAttempt): AfterFailure {
  invariant(outcome !== 'ok', 'an attempt that went well is not retried');
  switch (COST_OF[outcome]) {
    case 'attempts': {
      const used = counted + 1;
      const isWanted = policy.on === null || policy.on.includes(outcome);
      if (!isWanted || used >= policy.maxAttempts) return { kind: 'give-up', counted: used, infra };
      const delayMs = Math.max(retryAfterMs, backoffMs(policy, used, rand));
      return { kind: 'retry', delayMs, counted: used, infra };
    }
    case 'infra': {
      const used = infra + 1;
      if (used > policy.lostBudget) return { kind: 'give-up', counted, infra: used };
      const delayMs = outcome === 'lost' ? Math.floor(rand * LOST_SPREAD_MS) : backoffMs(policy, used, rand);
      return { kind: 'retry', delayMs, counted, infra: used };
    }
    case 'free':
      return { kind: 'retry', delayMs: retryAfterMs, counted, infra };
    case 'final':
      return { kind: 'give-up', counted, infra };
  }
}

/** Exponential with full jitter: anywhere from 0 to initial * 2^(failures - 1), at most `maxBackoffMs`. */
export function backoffMs(policy: RetryPolicy, failures: number, rand: number): number {
  const ceiling = Math.min(policy.maxBackoffMs, policy.initialBackoffMs * 2 ** (failures - 1));
  return Math.floor(rand * ceiling);
}

/** No failure is followed by a longer wait than this. */
export function longestWaitMs(policy: RetryPolicy): number {
  return Math.max(policy.maxBackoffMs, LOST_SPREAD_MS);
}

/** True for ends that use up one of maxAttempts. */
export function countsAsAttempt(outcome: Outcome): boolean {
  return outcome !== 'ok' && COST_OF[outcome] === 'attempts';
}
