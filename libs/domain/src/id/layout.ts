/** An id is a positive 63-bit number: 41 bits ms since 2024 UTC, 6 partition, 4 generator, 12 counter. It sorts by
 * time, tells its partition, and is written in decimal. */
export const ID_EPOCH_MS = Date.UTC(2024, 0, 1);
export const PARTITIONS = 64;
export const GENERATORS = 16;
export const IDS_PER_MS = 4_096;
/** First moment after the last that an id can tell (2093). */
export const ID_TIME_END_MS = ID_EPOCH_MS + 2 ** 41;

/** Bits below the time. */
export const LOW_SPAN = PARTITIONS * GENERATORS * IDS_PER_MS;

const DIGITS = 9;
const SPLIT = 10 ** DIGITS;
const SPLIT_MOD = SPLIT % LOW_SPAN;

/** When an id was made, ms since 1970 UTC. */
export function idTime(id: string): number {
  // Rounding of the number is far below one ms's worth of ids.
  return ID_EPOCH_MS + Math.round((Number(id) - low(id)) / LOW_SPAN);
}

export function idPartition(id: string): number {
  return low(id) >>> 16;
}

export function idGenerator(id: string): number {
  return (low(id) >>> 12) & (GENERATORS - 1);
}

export function idCounter(id: string): number {
  return low(id) & (IDS_PER_MS - 1);
}

/** The id modulo 2^22, by halves that numbers hold exactly. */
function low(id: string): number {
  if (id.length <= DIGITS) return Number(id) % LOW_SPAN;
  const upper = Number(id.slice(0, -DIGITS));
  return ((upper % LOW_SPAN) * SPLIT_MOD + Number(id.slice(-DIGITS))) % LOW_SPAN;
}
