import type { Cause, Envelope } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/contracts';
import { CommitGroups } from '../log/commit-groups.js';
import type { SnapshotHeader } from '../snapshot/snapshot-codec.js';
import type { EventOrigin, Folding, LostCause, Role } from './role.js';

/** Held back longer than this for a cause that never came, an envelope is applied all the same. */
export const CAUSE_PATIENCE_MS = 2_000;

/**
 * Feeds one role: keeps its positions, holds an envelope back until what it rests on was applied, completes commit groups.
 * Owns: the role's positions. Invariant: per stream, envelopes are applied in sequence, each once.
 */
export class RoleRunner<R extends Folding = Role> {
  readonly #positions = new Map<string, { seq: number; hash: string }>();
  readonly #changed = new Set<string>();
  readonly #groups = new Map<string, CommitGroups>();
  readonly #held = new Map<string, { envelope: Envelope; since: number }[]>();
  readonly #followed: ReadonlySet<string>;
  readonly lost: LostCause[] = [];
  /** Positions of followed streams that the last own envelope read from the log rests on. */
  readonly #rested = new Map<string, number>();
  epoch = 0;
  /** Last sequence of the own stream that is in the archive, as its owner wrote it down. */
  archivedUpTo = 0;
  /** Time of the last own envelope; of any, for a role without a stream. */
  at = 0;
  /** Node of the last owner; null before the first. */
  owner: string | null = null;

  constructor(readonly role: R) {
    this.#followed = new Set(role.follows);
  }

  follows(stream: string): boolean {
    return this.#followed.has(stream);
  }

  position(stream: string): number {
    return this.#positions.get(stream)?.seq ?? 0;
  }

  /** Hash of the last envelope applied of a stream; null when none. */
  hashAt(stream: string): string | null {
    return this.#positions.get(stream)?.hash ?? null;
  }

  positions(): Record<string, number> {
    return Object.fromEntries([...this.#positions].map(([stream, p]) => [stream, p.seq]));
  }

  /** Nothing waits: what was applied is all that lies before its positions. */
  get isWhole(): boolean {
    return this.#held.size === 0 && [...this.#groups.values()].every(({ isOpen }) => !isOpen);
  }

  /** What a snapshot says of the log that it was folded from. */
  known(): Pick<SnapshotHeader, 'positions' | 'rested' | 'epoch' | 'owner' | 'at' | 'archivedUpTo' | 'lost'> {
    const { epoch, owner, at, archivedUpTo, lost } = this;
    const positions = Object.fromEntries(this.#positions);
    const rested = Object.fromEntries(this.#rested);
    return { positions, rested, epoch, owner, at, archivedUpTo, lost };
  }

  /** Goes on from where a snapshot was taken. Its first commit names every followed position. */
  resume(known: ReturnType<RoleRunner['known']>): void {
    for (const [stream, position] of Object.entries(known.positions)) {
      this.#positions.set(stream, position);
      if (this.#followed.has(stream)) this.#changed.add(stream);
    }
    for (const [stream, seq] of Object.entries(known.rested)) this.#rested.set(stream, seq);
    this.epoch = known.epoch;
    this.owner = known.owner;
    this.at = known.at;
    this.archivedUpTo = known.archivedUpTo;
    this.lost.push(...known.lost);
  }

  /** Followed positions that changed since the last call. */
  takeCauses(): Cause[] {
    const causes: Cause[] = [];
    for (const stream of this.#changed) {
      const at = this.#positions.get(stream);
      if (at !== undefined) causes.push([stream, at.seq, at.hash.slice(0, 16)]);
    }
    this.#changed.clear();
    return causes;
  }

  /** Notes an own envelope whose events were folded when they were decided. */
  noteOwn(envelope: Envelope): void {
    this.#positions.set(envelope.stream, { seq: envelope.seq, hash: envelope.hash });
  }

  /** Folds one decided event of the own stream. */
  fold(event: DomainEvent, origin: EventOrigin): void {
    if (event.type === 'SegmentArchived') this.archivedUpTo = event.last;
    this.role.apply(event, origin);
  }

  /** An envelope of a followed stream; applied now, or when its causes are. Returns true when anything was applied. */
  offer(envelope: Envelope, now: number): boolean {
    if (envelope.seq <= this.position(envelope.stream)) return false;
    const queue = this.#held.get(envelope.stream);
    if (queue !== undefined && queue.length > 0) {
      queue.push({ envelope, since: now });
      return this.#drain(now);
    }
    if (!this.hasCauses(envelope)) {
      this.#held.set(envelope.stream, [{ envelope, since: now }]);
      return false;
    }
    this.apply(envelope);
    if (this.#held.size > 0) this.#drain(now);
    return true;
  }

  /** Lets go what waited too long. */
  releaseOverdue(now: number): boolean {
    return this.#held.size > 0 && this.#drain(now);
  }

  #drain(now: number): boolean {
    let any = false;
    for (let again = true; again;) {
      again = false;
      for (const [stream, queue] of this.#held) {
        for (let first = queue[0]; first !== undefined; first = queue[0]) {
          // Told twice, as the stream's owner moved.
          if (first.envelope.seq <= this.position(stream)) {
            queue.shift();
            continue;
          }
          if (!this.hasCauses(first.envelope) && now - first.since < CAUSE_PATIENCE_MS) break;
          queue.shift();
          this.apply(first.envelope);
          any = again = true;
        }
        if (queue.length === 0) this.#held.delete(stream);
      }
    }
    return any;
  }

  /** True when every followed position that the envelope rests on was applied. */
  hasCauses(envelope: Envelope): boolean {
    for (const [stream, seq] of envelope.causes) {
      if (this.#followed.has(stream) && this.position(stream) < seq) return false;
    }
    return true;
  }

  /** True when no own envelope that it rests on lies ahead. */
  hasOwnCauses(envelope: Envelope): boolean {
    return envelope.causes.every(
      ([stream, seq]) => stream !== this.role.stream || this.position(stream) >= seq,
    );
  }

  apply(envelope: Envelope): void {
    const { stream } = envelope;
    if (envelope.group !== null || this.#groups.has(stream)) {
      let groups = this.#groups.get(stream);
      if (groups === undefined) this.#groups.set(stream, (groups = new CommitGroups()));
      for (const whole of groups.accept(envelope)) this.#applyEvents(whole);
    } else {
      this.#applyEvents(envelope);
    }
    if (stream === this.role.stream || this.role.stream === null) this.at = Math.max(this.at, envelope.at);
    if (stream === this.role.stream)
      for (const [of, seq] of envelope.causes) if (this.#followed.has(of)) this.#rested.set(of, seq);
    this.#positions.set(stream, { seq: envelope.seq, hash: envelope.hash });
    if (this.#followed.has(stream)) this.#changed.add(stream);
  }

  #applyEvents(envelope: Envelope): void {
    const { role } = this;
    if (envelope.stream !== role.stream) {
      for (const event of role.concerns?.(envelope) ?? envelope.events) role.apply(event, envelope);
      return;
    }
    for (const event of envelope.events) {
      if (event.type === 'OwnerTookOver') [this.epoch, this.owner] = [event.epoch, event.node];
      else if (event.type === 'SegmentArchived') this.archivedUpTo = event.last;
      role.apply(event, envelope);
    }
  }
}
