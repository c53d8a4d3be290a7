/**
 * A seat that one process at a time holds, for as long as it keeps saying so. It makes elections quick and nothing safe: two
 * may think that they sit for a moment, and what they write is fenced by the log.
 */
export interface Seat {
  /**
   * Takes the seat when it is free, when its holder was not heard for its time, or when the holder was an earlier process of
   * the same node. True when this process sits now.
   */
  claim(): Promise<boolean>;
  /** Says that this process still sits. False when it does not any more. Throws when that cannot be told. */
  renew(): Promise<boolean>;
  /** Gets up, so that another can sit down at once. */
  leave(): Promise<void>;
}

/** Who claims a seat. */
export interface SeatHolder {
  readonly node: string;
  /** Tells one process of this name from the next. */
  readonly incarnation: string;
}

/** A holder that did not renew for this long has lost its seat. */
export const SEAT_TTL_MS = 4_000;
