import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { TenantKeystore } from '@yardmaster/ports';

const KEY_BYTES = 32;
/** How long another process may go on with a key that was destroyed. */
const CHECK_AGAIN_MS = 5_000;

interface Held {
  readonly key: Uint8Array | null;
  checkedAt: number;
}

/**
 * One file per tenant, `<directory>/<tenant>.key`, readable by its owner only. Several processes may share the
 * directory: a key gets its name complete and synced, and only if no other has it (a hard link), so all of them
 * read the same one. A destroyed key leaves `<tenant>.destroyed`, or the next use would make a new one.
 */
export class FileTenantKeystore implements TenantKeystore {
  private readonly held = new Map<number, Held>();

  /** @param now milliseconds that only grow */
  constructor(
    private readonly directory: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  keyOf(tenant: number): Uint8Array | null {
    const held = this.held.get(tenant);
    const now = this.now();
    if (held !== undefined && (held.key === null || now - held.checkedAt < CHECK_AGAIN_MS)) return held.key;
    const key = existsSync(this.file(tenant, 'destroyed')) ? null : (held?.key ?? this.loadOrMake(tenant));
    this.held.set(tenant, { key, checkedAt: now });
    return key;
  }

  /** For good: what was sealed with the key cannot be opened again. Other processes follow within seconds. */
  destroy(tenant: number): void {
    writeFileSync(this.file(tenant, 'destroyed'), '', { mode: 0o600, flush: true });
    this.syncDirectory();
    const file = this.file(tenant, 'key');
    if (existsSync(file)) {
      writeFileSync(file, new Uint8Array(KEY_BYTES), { flag: 'r+', flush: true });
      unlinkSync(file);
      this.syncDirectory();
    }
    this.held.set(tenant, { key: null, checkedAt: this.now() });
  }

  private loadOrMake(tenant: number): Uint8Array {
    const file = this.file(tenant, 'key');
    if (!existsSync(file)) this.make(file);
    const key = readFileSync(file);
    if (key.byteLength !== KEY_BYTES) throw new Error(`${file} is damaged: restore it from a backup`);
    // Whoever made it may not have synced its name yet, and we are about to seal with it.
    this.syncDirectory();
    return new Uint8Array(key);
  }

  private make(file: string): void {
    const draft = path.join(this.directory, `.${randomUUID()}.new`);
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, randomBytes(KEY_BYTES));
      fsyncSync(descriptor);
      closeSync(descriptor);
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
  }

  private syncDirectory(): void {
    const descriptor = openSync(this.directory, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  private file(tenant: number, kind: 'key' | 'destroyed'): string {
    if (!Number.isSafeInteger(tenant) || tenant < 0)
      throw new RangeError(`${String(tenant)} is not a tenant number`);
    return path.join(this.directory, `${String(tenant)}.${kind}`);
  }
}
