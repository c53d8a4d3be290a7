import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';

/** A file that gets its name when its bytes are on disk; resolves when the name is on disk too. Its folder is made if need be. */
export async function writeDurably(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(folder);
  const draft = path.join(folder, `.${randomUUID()}.new`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path.join(folder, name));
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  await sync(folder);
}

/** The folder itself has to survive a power cut too, up to where one was there before. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = folder; at.length >= path.dirname(first).length; at = path.dirname(at)) await sync(at);
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
