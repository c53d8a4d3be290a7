import type { Yard } from '@yardmaster/sdk';
import { readFile } from 'node:fs/promises';

/** Uploads those that exist; a script that does not lie there may be known to the yard already. Returns how many. */
export async function uploadScripts(
  yard: Yard,
  scripts: readonly { readonly path: string; readonly file: string }[],
): Promise<number> {
  let count = 0;
  for (const { path, file } of scripts) {
    const content = await readFile(file).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
    if (content === null) continue;
    await yard.scripts.put(path, content);
    count++;
  }
  return count;
}
