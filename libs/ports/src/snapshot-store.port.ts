/** Where snapshots of roles are kept, apart from the broker: folders of small names and bytes. They are a cache of the log. */
export interface SnapshotStore {
  /** Names in a folder, in order. Half-written ones are not there. */
  list(folder: string): Promise<readonly string[]>;
  /** Durable when it resolves: all of it under its name, or nothing. */
  write(folder: string, name: string, bytes: Uint8Array): Promise<void>;
  /** null when there is none. */
  read(folder: string, name: string): Promise<Uint8Array | null>;
  drop(folder: string, name: string): Promise<void>;
}

/** Both parts of a place are plain: lower-case letters, digits, `.` and `-`, and no dot in front. */
export function isSnapshotPlace(part: string): boolean {
  return /^[a-z0-9-][a-z0-9.-]*$/.test(part);
}
