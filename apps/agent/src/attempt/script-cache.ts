import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Scripts by hash, each fetched once. */
export class ScriptCache {
  readonly #ready = new Map<string, string>();
  readonly #coming = new Map<string, Promise<string>>();

  constructor(
    private readonly dir: string,
    private readonly fetch: (tenant: number, sha256: string) => Promise<Buffer>,
  ) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Without it a package.json further up would decide what kind of module a .js script is.
    writeFileSync(join(dir, 'package.json'), '{}\n');
  }

  /** Path of the script if it is here already. `extension` (with its dot) is kept: some interpreters go by it. */
  peek(sha256: string, extension: string): string | undefined {
    return this.#ready.get(`${sha256}${extension}`);
  }

  async path(tenant: number, sha256: string, extension: string): Promise<string> {
    const name = `${sha256}${extension}`;
    const ready = this.#ready.get(name);
    if (ready !== undefined) return ready;
    let coming = this.#coming.get(name);
    if (coming === undefined) {
      coming = this.#bring(tenant, sha256, name).finally(() => this.#coming.delete(name));
      this.#coming.set(name, coming);
    }
    return await coming;
  }

  async #bring(tenant: number, sha256: string, name: string): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`not the hash of a script: ${sha256}`);
    const path = join(this.dir, name);
    if (!existsSync(path) || hash(readFileSync(path)) !== sha256) {
      const bytes = await this.fetch(tenant, sha256);
      if (hash(bytes) !== sha256) throw new Error(`script ${sha256} came with other bytes`);
      const fresh = `${path}.${process.pid}`;
      try {
        writeFileSync(fresh, bytes, { mode: 0o500 });
        renameSync(fresh, path);
      } finally {
        rmSync(fresh, { force: true });
      }
    }
    this.#ready.set(name, path);
    return path;
  }
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
