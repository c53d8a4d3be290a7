/** Content kept beside the log: inputs and results over 8 KB, scripts, large bodies. Keyed by (tenant, sha256). */
export interface BlobStore {
  /** Durable when it resolves. Returns the sha256 as 64 hex digits. */
  put(tenant: number, bytes: Uint8Array): Promise<string>;
  /** null when absent. */
  get(tenant: number, sha256: string): Promise<Uint8Array | null>;
}

export type LogStreamName = 'stdout' | 'stderr';

/** Output of attempts, append-only. */
export interface AttemptLogStore {
  /** Writes `bytes` at `offset`; bytes already there are left as they are, so a repeat is harmless. Returns the new length. */
  append(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStreamName,
    offset: number,
    bytes: Uint8Array,
  ): Promise<number>;
  /** Bytes from `offset`, at most `limit`; empty when none (yet). */
  read(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStreamName,
    offset: number,
    limit: number,
  ): Promise<Uint8Array>;
}
