import { isSnapshotPlace, type SnapshotStore } from '@yardmaster/ports';

/** Snapshots in memory, which a test may spoil. */
export class MemorySnapshotStore implements SnapshotStore {
  readonly files = new Map<string, Uint8Array>();

  list(folder: string): Promise<readonly string[]> {
    const inside = [...this.files.keys()].filter((key) => key.startsWith(`${folder}/`));
    return Promise.resolve(inside.map((key) => key.slice(folder.length + 1)).sort());
  }

  write(folder: string, name: string, bytes: Uint8Array): Promise<void> {
    if (!isSnapshotPlace(folder) || !isSnapshotPlace(name))
      return Promise.reject(new RangeError(`${folder}/${name} is no name of a snapshot`));
    this.files.set(`${folder}/${name}`, Uint8Array.from(bytes));
    return Promise.resolve();
  }

  read(folder: string, name: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.files.get(`${folder}/${name}`) ?? null);
  }

  drop(folder: string, name: string): Promise<void> {
    this.files.delete(`${folder}/${name}`);
    return Promise.resolve();
  }
}
