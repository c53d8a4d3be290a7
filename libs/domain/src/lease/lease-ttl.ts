import { err, ok, type Result } from '@yardmaster/kernel';
import { formatDuration, parseDuration } from '../duration/index.js';

/** Silence of a worker that ends its leases, unless the task or its queue names another, ms. */
export const LEASE_TTL_MS = 30_000;
/** Over longer times the clocks of two machines drift apart by more than the margin between the two sides of a lease allows. */
export const MAX_LEASE_TTL_MS = 900_000;

/** Reads a lease time, as in `5m`. Not below the default: a worker beats every 5 s and has to outlast an election of the broker. */
export function parseLeaseTtl(given: unknown): Result<number, string> {
  const parsed = parseDuration(given);
  if (!parsed.ok) return parsed;
  return parsed.value >= LEASE_TTL_MS && parsed.value <= MAX_LEASE_TTL_MS
    ? ok(parsed.value)
    : err(`a lease time is from ${formatDuration(LEASE_TTL_MS)} to ${formatDuration(MAX_LEASE_TTL_MS)}`);
}
