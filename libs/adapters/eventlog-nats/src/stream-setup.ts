import type { StreamSpec } from '@yardmaster/ports';
import type { JetStreamApi } from './jetstream-api.js';
import { JS, NatsLogError } from './jetstream-errors.js';
import { checkShape, streamConfig, type Replicas } from './stream-shape.js';

const MIB = 1024 * 1024;
/** Where the broker does not say how large its store is. */
const UNKNOWN_SHARE_BYTES = 1024 * MIB;
const SMALLEST_SHARE_BYTES = 64 * MIB;
/** Kept free for buckets, consumers and what else lives in the store. */
const SHARED_OUT = 0.9;

/** Creates streams, checks those that exist, and knows the subject of each. */
export class StreamSetup {
  private readonly subjects = new Map<string, string>();

  constructor(
    private readonly api: JetStreamApi,
    private readonly replicas: Replicas,
    private readonly storeBytes: number | null,
  ) {}

  subjectOf(stream: string): string {
    const subject = this.subjects.get(stream);
    if (subject === undefined)
      throw new NatsLogError('log-stream-unknown', `ensure stream ${stream} before writing`);
    return subject;
  }

  async ensure(specs: readonly StreamSpec[]): Promise<void> {
    const isThere = await Promise.all(specs.map((spec) => this.check(spec)));
    const missing = specs.filter((_, at) => isThere[at] !== true);
    const share = missing.some((spec) => spec.maxBytes === null) ? await this.shareOf(missing) : 0;
    // One after another: the broker reserves the space of each.
    for (const spec of missing) await this.create(spec, spec.maxBytes ?? share);
    for (const spec of specs) this.subjects.set(spec.name, spec.subject);
  }

  private async check(spec: StreamSpec): Promise<boolean> {
    try {
      const { config } = await this.api.streamInfo(spec.name);
      checkShape(config, spec, this.replicas);
      return true;
    } catch (error) {
      if (error instanceof NatsLogError && error.errCode === JS.streamNotFound) return false;
      throw error;
    }
  }

  private async create(spec: StreamSpec, maxBytes: number): Promise<void> {
    const isOurShare = spec.maxBytes === null;
    try {
      const { config } = await this.api.createStream(streamConfig(spec, maxBytes, this.replicas));
      checkShape(config, spec, this.replicas);
    } catch (error) {
      if (!(error instanceof NatsLogError)) throw error;
      const isTooLarge =
        error.errCode === JS.insufficientStorage || error.errCode === JS.insufficientStorageCluster;
      if (isOurShare && isTooLarge && maxBytes / 2 >= SMALLEST_SHARE_BYTES) {
        await this.create(spec, Math.floor(maxBytes / 2));
      } else if (error.errCode !== JS.nameInUse || !(await this.check(spec))) throw error;
    }
  }

  /** What each stream without a size of its own may reserve. */
  private async shareOf(missing: readonly StreamSpec[]): Promise<number> {
    const account = await this.api.accountInfo();
    const total = this.storeBytes ?? account.limits.max_storage;
    if (total <= 0) return UNKNOWN_SHARE_BYTES;
    const asked = missing.reduce((sum, spec) => sum + (spec.maxBytes ?? 0), 0) * this.replicas;
    const free = total * SHARED_OUT - (account.reserved_storage ?? 0) - asked;
    const sharing = missing.filter((spec) => spec.maxBytes === null).length * this.replicas;
    return Math.max(SMALLEST_SHARE_BYTES, Math.floor(free / sharing));
  }
}
