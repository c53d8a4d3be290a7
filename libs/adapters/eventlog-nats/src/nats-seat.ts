import { StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { SEAT_TTL_MS, type Seat, type SeatHolder } from '@yardmaster/ports';
import type { Replicas } from './stream-shape.js';

const BUCKET = 'yard-cluster';
const KEY = 'manager';
const WAIT_MS = 2_000;

/**
 * The seat as a key of a JetStream bucket whose entries run out. Only the broker's answer to a `create` or an `update` at a
 * revision tells who sits: what a `get` says may be old, and is used to find the revision of an earlier process of this node
 * alone. The bucket is in memory: a broker that restarts has a free seat.
 */
export class NatsSeat implements Seat {
  #revision: number | null = null;

  private constructor(
    private readonly bucket: KV,
    private readonly holder: SeatHolder,
  ) {}

  static async open(nc: NatsConnection, replicas: Replicas, holder: SeatHolder): Promise<NatsSeat> {
    const bucket = await new Kvm(nc).create(BUCKET, {
      ttl: SEAT_TTL_MS,
      replicas,
      storage: StorageType.Memory,
      history: 1,
    });
    return new NatsSeat(bucket, holder);
  }

  async claim(): Promise<boolean> {
    this.#revision = await this.#asked(() => this.bucket.create(KEY, this.#value()));
    if (this.#revision !== null) return true;
    const found = await this.bucket.get(KEY);
    if (found?.operation !== 'PUT') return false;
    const { node, incarnation } = found.json<SeatHolder>();
    if (node !== this.holder.node || incarnation === this.holder.incarnation) return false;
    this.#revision = await this.#asked(() => this.bucket.update(KEY, this.#value(), found.revision));
    return this.#revision !== null;
  }

  async renew(): Promise<boolean> {
    const { holder } = this;
    if (this.#revision === null) return false;
    const revision = this.#revision;
    this.#revision = await this.#asked(() => this.bucket.update(KEY, this.#value(), revision, WAIT_MS));
    if (this.#revision !== null) return true;
    // The answer to an earlier renewal may have been lost: then the entry is this process's own, at a later revision.
    const found = await this.bucket.get(KEY);
    if (found?.operation !== 'PUT') return false;
    const { node, incarnation } = found.json<SeatHolder>();
    if (node !== holder.node || incarnation !== holder.incarnation) return false;
    this.#revision = await this.#asked(() => this.bucket.update(KEY, this.#value(), found.revision, WAIT_MS));
    return this.#revision !== null;
  }

  async leave(): Promise<void> {
    const revision = this.#revision;
    this.#revision = null;
    if (revision === null) return;
    await this.#asked(async () => {
      await this.bucket.delete(KEY, { previousSeq: revision });
      return revision;
    });
  }

  #value(): string {
    return JSON.stringify(this.holder);
  }

  /** The revision that it got, or null where the broker says that another was first. */
  async #asked(ask: () => Promise<number>): Promise<number | null> {
    try {
      return await ask();
    } catch (error) {
      if (isConflict(error)) return null;
      throw error;
    }
  }
}

const WRONG_LAST_SEQUENCE = 10_071;
const WRONG_LAST_SEQUENCE_SOMEWHERE = 10_164;

function isConflict(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === WRONG_LAST_SEQUENCE || code === WRONG_LAST_SEQUENCE_SOMEWHERE;
}
