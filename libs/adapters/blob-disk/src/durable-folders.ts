import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';

/** Makes the entries of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Folders that exist for sure, each made durable in its parent once per process. */
export class DurableFolders {
  private readonly made = new Map<string, Promise<void>>();

  constructor(private readonly root: string) {}

  make(folder: string): Promise<void> {
    const known = this.made.get(folder);
    if (known !== undefined) return known;
    const making = this.create(folder);
    this.made.set(folder, making);
    making.catch(() => this.made.delete(folder));
    return making;
  }

  /** Somebody removed it. */
  forget(folder: string): void {
    this.made.delete(folder);
  }

  private async create(folder: string): Promise<void> {
    if (folder === this.root) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return;
    }
    const parent = path.dirname(folder);
    await this.make(parent);
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    await syncFolder(parent);
  }
}
