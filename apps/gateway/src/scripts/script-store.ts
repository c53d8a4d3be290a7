import { constants } from 'node:fs';
import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { hash, randomBytes } from 'node:crypto';
import { dirname, join, sep } from 'node:path';
import { LIMITS, YardError, rejection, type ScriptResponse } from '@yardmaster/contracts';
import type { BlobStore } from '@yardmaster/ports';
import { scriptHash } from '../admission/translate-task.js';

export interface ScriptOwner {
  readonly tenant: number;
  readonly tenantName: string;
}

interface Pinned {
  readonly mtimeNs: bigint;
  readonly size: bigint;
  readonly sha256: string;
}

const MOST_PINNED = 10_000;
const PATH = /^[^\0\\]{1,1024}$/;

/** Scripts of tenants: files under `<home>/scripts/<tenant>`, and content-addressed copies in the blob store, which is what runs. */
export class ScriptStore {
  readonly #pinned = new Map<string, Pinned>();
  readonly #hashes = new Set<string>();

  constructor(
    private readonly home: string,
    private readonly blobs: BlobStore,
  ) {}

  /** Stores an upload under its path and by its content. */
  async put(owner: ScriptOwner, path: string, bytes: Uint8Array): Promise<ScriptResponse> {
    const relative = checkedPath(path);
    const root = await this.#root(owner);
    const target = join(root, relative);
    await this.#makeFolders(root, dirname(target));
    const existing = await lstat(target).catch(() => null);
    if (existing?.isFile() === false) throw outside(path);
    const sha256 = await this.blobs.put(owner.tenant, bytes);
    const draft = join(dirname(target), `.upload-${randomBytes(8).toString('hex')}`);
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, target);
    } catch (cause) {
      await rm(draft, { force: true });
      throw cause;
    }
    return { path: relative, sha256, bytes: bytes.length };
  }

  /** The sha256 of the script that a task names, durable in the blob store. Rejects with `script-not-found` or `invalid-request`. */
  async pin(owner: ScriptOwner, script: string): Promise<string> {
    const named = scriptHash(script);
    if (named !== null) return await this.#known(owner, named);
    const relative = checkedPath(script);
    const root = await this.#root(owner);
    const real = await realpath(join(root, relative)).catch(() => null);
    if (real === null) throw missing(script);
    if (!real.startsWith(root + sep)) throw outside(script);
    // The path is resolved: a link that appears now is refused, and what runs is the pinned content anyway.
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      () => null,
    );
    if (file === null) throw missing(script);
    try {
      const info = await file.stat({ bigint: true });
      if (!info.isFile()) throw missing(script);
      if (info.size > BigInt(LIMITS.scriptBytes))
        throw new YardError(
          rejection(
            'payload-too-large',
            `the script ${JSON.stringify(script)} is larger than ${String(LIMITS.scriptBytes >> 20)} MiB`,
          ),
        );
      const key = `${String(owner.tenant)}\n${real}`;
      const before = this.#pinned.get(key);
      if (before?.mtimeNs === info.mtimeNs && before.size === info.size) return before.sha256;
      const sha256 = await this.blobs.put(owner.tenant, await file.readFile());
      if (this.#pinned.size >= MOST_PINNED) this.#pinned.clear();
      // A file that is still being written may change within the clock's grain.
      if (BigInt(Date.now()) * 1_000_000n - info.mtimeNs > 2_000_000_000n)
        this.#pinned.set(key, { mtimeNs: info.mtimeNs, size: info.size, sha256 });
      return sha256;
    } finally {
      await file.close();
    }
  }

  async #known(owner: ScriptOwner, sha256: string): Promise<string> {
    const key = `${String(owner.tenant)}\n${sha256}`;
    if (this.#hashes.has(key)) return sha256;
    const bytes = await this.blobs.get(owner.tenant, sha256);
    if (bytes === null || hash('sha256', bytes) !== sha256) throw missing(`sha256:${sha256}`);
    if (this.#hashes.size >= MOST_PINNED) this.#hashes.clear();
    this.#hashes.add(key);
    return sha256;
  }

  async #root(owner: ScriptOwner): Promise<string> {
    const root = join(this.home, 'scripts', owner.tenantName);
    await mkdir(root, { recursive: true, mode: 0o700 });
    return await realpath(root);
  }

  /** Folders are made one by one, none of them through a link. */
  async #makeFolders(root: string, folder: string): Promise<void> {
    let at = root;
    for (const part of folder
      .slice(root.length)
      .split(sep)
      .filter((name) => name !== '')) {
      at = join(at, part);
      const info = await lstat(at).catch(() => null);
      if (info === null)
        await mkdir(at, { mode: 0o700 }).catch((cause: unknown) => {
          if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
        });
      else if (!info.isDirectory()) throw outside(folder.slice(root.length + 1));
    }
  }
}

/** Relative, normalised, without NUL or `..`. */
export function checkedPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (
    !PATH.test(path) ||
    path.startsWith('/') ||
    parts.length === 0 ||
    parts.includes('..') ||
    parts.some((part) => part.length > 255)
  ) {
    throw outside(path);
  }
  return parts.join('/');
}

function outside(path: string): YardError {
  const message = `the path ${JSON.stringify(path.slice(0, 200))} leaves the tenant's script root, or is not a plain relative path`;
  return new YardError(rejection('invalid-request', message, { errors: [{ path: 'run.script', message }] }));
}

function missing(script: string): YardError {
  const message = `there is no script ${JSON.stringify(script.slice(0, 200))}: upload it with PUT /v1/scripts/{path}`;
  return new YardError(rejection('script-not-found', message, { errors: [{ path: 'run.script', message }] }));
}
