/** A blip is over at once; a restarted gateway must not meet its whole fleet in the same instant. */
const FAST_RETRIES_MS = [20, 100, 300] as const;
export const RECONNECT_SPREAD_MS = 5_000;

/** Wait before the next try, after `failures` tries in a row that did not lead to a welcome. `random` is in [0, 1). */
export function reconnectDelayMs(failures: number, random: number): number {
  return FAST_RETRIES_MS[failures] ?? random * RECONNECT_SPREAD_MS;
}
