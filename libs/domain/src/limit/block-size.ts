/** From here on tokens are leased in blocks; below they are asked for one by one. */
export const BLOCKS_FROM_PER_HOUR = 1_000;

/** How many tokens a gateway gets at a time when `free` are left in the window: a 200th of the limit, less when the
 * limit is near, so that no gateway sits on tokens that another one needs. */
export function blockSize(limitPerHour: number, free: number): number {
  if (free < 1) return 0;
  if (limitPerHour < BLOCKS_FROM_PER_HOUR) return 1;
  return Math.min(Math.ceil(limitPerHour / 200), Math.max(1, Math.floor(free / 4)));
}
