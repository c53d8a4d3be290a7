import { err, ok, type Result } from '@yardmaster/kernel';
import type { RetryPolicy } from '../events/index.js';
import { didYouMean } from '../text/index.js';

/** Longest run of an attempt when neither task nor queue names one. */
export const DEFAULT_CAP_MS = 3_600_000;

export const PRIORITIES = { low: 250, normal: 500, high: 750 } as const;
export const DEFAULT_PRIORITY = PRIORITIES.normal;

/** Ranks of the classes; higher goes sooner, and only a higher one may preempt. */
export const PRIORITY_CLASSES = { system: 4, urgent: 3, normal: 2, batch: 1, 'best-effort': 0 } as const;
export type PriorityClass = keyof typeof PRIORITY_CLASSES;
export const DEFAULT_CLASS_RANK = PRIORITY_CLASSES.normal;

/** Queues that are always there. */
export const QUEUES = ['default', 'off-peak'] as const;
export const DEFAULT_QUEUE = QUEUES[0];

/** One execution; up to five more when a worker is lost or could not start it. */
export function defaultRetry(): RetryPolicy {
  return { maxAttempts: 1, lostBudget: 5, initialBackoffMs: 1_000, maxBackoffMs: 300_000, on: null };
}

const PRIORITY_FORMS = 'write low, normal, high or a whole number from 0 to 1000';

/** Reads `low`, `normal`, `high` or 0-1000. */
export function parsePriority(input: unknown): Result<number, string> {
  if (typeof input === 'string' && Object.hasOwn(PRIORITIES, input)) {
    return ok(PRIORITIES[input as keyof typeof PRIORITIES]);
  }
  const number = typeof input === 'string' && /^\d{1,4}$/.test(input) ? Number(input) : input;
  if (typeof number === 'number') {
    if (Number.isInteger(number) && number >= 0 && number <= 1_000) return ok(number);
    return err(`${number} is not a priority: ${PRIORITY_FORMS}`);
  }
  return err(named('priority', input, Object.keys(PRIORITIES), PRIORITY_FORMS));
}

/** Reads a class name into its rank. */
export function parsePriorityClass(input: unknown): Result<number, string> {
  if (typeof input === 'string' && Object.hasOwn(PRIORITY_CLASSES, input)) {
    return ok(PRIORITY_CLASSES[input as PriorityClass]);
  }
  const names = Object.keys(PRIORITY_CLASSES);
  return err(named('priority class', input, names, `write ${names.join(', ')}`));
}

/** Name of a class by its rank. */
export function priorityClassOf(rank: number): PriorityClass {
  const names = Object.keys(PRIORITY_CLASSES) as PriorityClass[];
  return names.find((name) => PRIORITY_CLASSES[name] === rank) ?? 'normal';
}

function named(what: string, input: unknown, names: readonly string[], forms: string): string {
  if (typeof input !== 'string') return `not a ${what}: ${forms}`;
  const meant = didYouMean(input, names);
  const quoted = JSON.stringify(input.slice(0, 40));
  return meant === null
    ? `${quoted} is not a ${what}: ${forms}`
    : `${quoted} is not a ${what}: did you mean "${meant}"?`;
}
