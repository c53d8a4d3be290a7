/** A wait of more than this between two looks is a machine that stood still, not a yard that is slow. */
const LONGEST_LOOK_MS = 2_000;

/** As the one of `test/support`, but time in which this process was stopped does not count. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 60_000, everyMs = 50 } = {},
): Promise<Exclude<T, false | null | undefined>> {
  let waited = 0;
  for (let last = performance.now(); ;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false)
      return seen as Exclude<T, false | null | undefined>;
    if (waited > withinMs) throw new Error(`waited ${String(withinMs)} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const now = performance.now();
    waited += Math.min(now - last, LONGEST_LOOK_MS);
    last = now;
  }
}
