import type { SnapshotStore } from '@yardmaster/ports';

/** A follower that was not heard for so long reads from the archive when it is back. */
export const FOLLOWER_ABSENT_MS = 24 * 3_600_000;
/** A node that is gone is let go after so long, when others have all that it had: it may be about to come back. */
export const FOLLOWER_GONE_MS = 120_000;

interface Entry {
  readonly positions: Readonly<Record<string, number>>;
  /** Epoch ms. */
  readonly heardAt: number;
  /** Of a node: the roles that it had; not known of what an earlier version wrote down. */
  readonly roles?: readonly string[];
}

/** What the cluster manager knows. */
export interface ClusterSeen {
  /** Nodes that it hears. */
  readonly nodes: ReadonlySet<string>;
  /** Who serves a role now. */
  readonly owners: ReadonlyMap<string, string>;
}

/** How a node is called in the register. */
export function nodeFollower(node: string): string {
  return `node/${node}`;
}

function nodeOf(name: string): string | null {
  return name.startsWith('node/') ? name.slice('node/'.length) : null;
}

const FOLDER = 'followers';
const FILE = 'register.json';

/**
 * Who follows which stream up to where, kept beside the snapshots, so that a follower which is away for a while still has what
 * it has not read when the one who keeps this starts anew.
 */
export class FollowerRegister {
  readonly #followers = new Map<string, Entry>();
  #isLoaded = false;

  /** Without a store it is forgotten with its process. */
  constructor(private readonly store: SnapshotStore | null) {}

  /** Once: whoever said goodbye since is not brought back by what was written down before. */
  async load(): Promise<void> {
    if (this.#isLoaded) return;
    const bytes = await this.store?.read(FOLDER, FILE);
    this.#isLoaded = true;
    if (bytes == null) return;
    let entries: [string, Entry][];
    try {
      entries = JSON.parse(Buffer.from(bytes).toString('utf8')) as [string, Entry][];
    } catch {
      // Whoever follows is heard again within seconds.
      return;
    }
    for (const [name, entry] of entries) if (!this.#followers.has(name)) this.#followers.set(name, entry);
  }

  async save(): Promise<void> {
    await this.store?.write(FOLDER, FILE, Buffer.from(JSON.stringify([...this.#followers])));
  }

  heard(
    name: string,
    positions: Readonly<Record<string, number>>,
    now: number,
    roles?: readonly string[],
  ): void {
    this.#followers.set(name, { positions, heardAt: now, ...(roles === undefined ? {} : { roles }) });
  }

  /** Lets go nodes that the manager does not hear and whose every role another serves: should one come back, it reads the archive. */
  succeeded({ nodes, owners }: ClusterSeen, now: number): void {
    for (const [name, { heardAt, roles }] of this.#followers) {
      const node = nodeOf(name);
      if (node === null || roles === undefined || nodes.has(node) || now - heardAt < FOLLOWER_GONE_MS)
        continue;
      const isSucceeded = roles.every((role) => owners.has(role) && owners.get(role) !== node);
      if (isSucceeded) this.#followers.delete(name);
    }
  }

  /** It said goodbye. */
  left(name: string): void {
    this.#followers.delete(name);
  }

  /** What every registered follower of a stream has read; Infinity when nobody follows it. */
  floor(stream: string, now: number): number {
    let floor = Infinity;
    for (const [name, { positions, heardAt }] of this.#followers) {
      if (now - heardAt > FOLLOWER_ABSENT_MS) this.#followers.delete(name);
      else floor = Math.min(floor, positions[stream] ?? Infinity);
    }
    return floor;
  }
}
