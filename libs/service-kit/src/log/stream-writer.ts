import { randomBytes } from 'node:crypto';
import {
  CHAIN_START,
  encodeEnvelope,
  hashOf,
  type Cause,
  type CommitGroup,
  type Envelope,
} from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/contracts';
import { roughSize } from '@yardmaster/kernel';
import type { AppendOutcome, LogWriter, TenantKeystore } from '@yardmaster/ports';
import type { CommitLedger } from './commit-ledger.js';
import { PendingDecisions, type DecisionEffect } from './pending-decisions.js';

const MAX_EVENTS = 2_000;
const MAX_BYTES = 200 * 1024;
/** Commits on their way to disk at once; later decisions gather meanwhile. */
const MAX_IN_FLIGHT = 3;
/** An acknowledged commit shows for this long that its writer owns the stream. */
const FRESH_MS = 5_000;
/** Rough size of an event without content, in bytes. */
const EVENT_BYTES = 60;
const ID_BYTES = 22;

export interface WriterIdentity {
  readonly stream: string;
  readonly node: string;
  readonly epoch: number;
  readonly config: string;
}

/**
 * Group commit: decisions gather while commits are in flight and leave together as one envelope.
 * Owns: the stream's sequence and hash chain. Invariants: one envelope per sequence; a decision is never split but into a
 * commit group; `onProposed` sees envelopes in sequence order, before they are on disk; `onStored` after.
 */
export class StreamWriter {
  readonly #pending = new PendingDecisions();
  #inFlight = 0;
  #prev: string;
  #at = 0;
  #time = 0;
  /** When the clock on the wall last agreed. */
  #inStep = { wall: 0, monotonic: 0 };
  #seed = 0;
  #open = false;
  #commits = 0;
  readonly #run = randomBytes(6).toString('hex');

  constructor(
    private readonly id: WriterIdentity,
    private readonly writer: LogWriter,
    prevHash: string | null,
    private readonly ledger: CommitLedger,
    private readonly keystore: TenantKeystore,
    private readonly hooks: {
      /** Followed positions that changed since the envelope before. */
      readonly causes: () => Cause[];
      /** Feature level that the cluster works at. */
      readonly level: () => number;
      readonly onProposed: (envelope: Envelope, ticket: number) => void;
      readonly onFailed: (stream: string, outcome: Exclude<AppendOutcome, { kind: 'stored' }>) => void;
      /** It is on disk. `sentAt`: when it was sent, monotonic ms; until then nobody else had the stream. */
      readonly onStored: (sentAt: number) => void;
      /** It is on disk, but the answer took so long that it does not show whose the stream is now. */
      readonly onLate: () => void;
      readonly now: () => number;
      readonly monotonic: () => number;
      readonly observeCommit: (ms: number) => void;
    },
  ) {
    this.#prev = prevHash ?? CHAIN_START;
  }

  /**
   * What time it is for its decisions. It never goes back; after the clock on the wall was set back it goes on at half speed
   * until that one has caught up, so that nothing that waits for a time waits for long.
   */
  #tell(): number {
    const wall = this.hooks.now();
    const monotonic = this.hooks.monotonic();
    if (wall >= this.#time) {
      this.#time = wall;
      this.#inStep = { wall, monotonic };
    } else {
      const slow = Math.floor(this.#inStep.wall + (monotonic - this.#inStep.monotonic) / 2);
      this.#time = Math.max(this.#time, slow);
    }
    return this.#time;
  }

  /** By how much its time is ahead of the clock on the wall. */
  aheadOf(wall: number): number {
    return this.#time > wall ? Math.max(0, this.#tell() - wall) : 0;
  }

  /** Time of the envelope that the next decision goes into. */
  now(): number {
    if (!this.#open) {
      this.#open = true;
      this.#at = this.#tell();
      this.#seed = (Math.random() * 0x1_0000_0000) >>> 0;
    }
    return this.#at;
  }

  /** Seed of that envelope. */
  get seed(): number {
    this.now();
    return this.#seed;
  }

  get hasPending(): boolean {
    return !this.#pending.isEmpty;
  }

  add(events: readonly DomainEvent[], effect: DecisionEffect | undefined, bytes: number): void {
    this.now();
    let size = bytes + events.length * EVENT_BYTES;
    for (const event of events) size += idsIn(event) * ID_BYTES;
    this.#pending.add(events, effect, size);
  }

  /** Proposes what gathered, as far as commits in flight allow. True when something left. */
  flush(): boolean {
    let left = false;
    while (!this.#pending.isEmpty && this.#inFlight < MAX_IN_FLIGHT) {
      this.#proposeBatch();
      left = true;
    }
    if (this.#pending.isEmpty) this.#open = false;
    return left;
  }

  #proposeBatch(): void {
    const { events, effects, bytes, decisions } = this.#pending.take(MAX_EVENTS, MAX_BYTES);
    const isGroup = decisions === 1 && (events.length > MAX_EVENTS * 2 || bytes > MAX_BYTES * 2);
    const { ticket, seq } = isGroup ? this.#proposeGroup(events) : this.#propose(events, null);
    if (effects.length === 0) return;
    const place = { stream: this.id.stream, seq };
    this.ledger.when(ticket, () => {
      for (const effect of effects) effect(place);
    });
  }

  #proposeGroup(events: readonly DomainEvent[]): { ticket: number; seq: number } {
    const parts = cut(events);
    const id = `${this.#run}-g${String(this.#commits)}`;
    let last = { ticket: 0, seq: 0 };
    parts.forEach((part, i) => {
      last = this.#propose(part, { id, k: i + 1, n: parts.length });
    });
    return last;
  }

  #propose(events: readonly DomainEvent[], group: CommitGroup | null): { ticket: number; seq: number } {
    const { stream, node, epoch, config } = this.id;
    const commit = `${this.#run}-${String(this.#commits++)}`;
    const causes = this.hooks.causes();
    const draft = {
      stream,
      node,
      epoch,
      commit,
      at: this.#at,
      seed: this.#seed,
      config,
      causes,
      group,
      prev: this.#prev,
      events,
    };
    const bytes = encodeEnvelope(draft, (tenant) => this.keystore.keyOf(tenant), this.hooks.level());
    const hash = hashOf(bytes);
    const seq = this.writer.next;
    const ticket = this.ledger.issue();
    this.#prev = hash;
    this.#inFlight++;
    const began = this.hooks.monotonic();
    void this.writer.append(`${stream}/${commit}`, bytes).then((outcome) => {
      this.#inFlight--;
      if (outcome.kind !== 'stored') {
        this.hooks.onFailed(stream, outcome);
        return;
      }
      const took = this.hooks.monotonic() - began;
      this.hooks.observeCommit(took);
      if (took > FRESH_MS) this.hooks.onLate();
      this.ledger.committed(ticket);
      this.hooks.onStored(began);
    });
    this.hooks.onProposed({ ...draft, seq, hash }, ticket);
    return { ticket, seq };
  }
}

/** Ids that an event lists: they make its size. */
function idsIn(event: DomainEvent): number {
  switch (event.type) {
    case 'TaskSucceeded':
      return event.released.length;
    case 'TaskFailed':
    case 'TaskCancelled':
      return event.upstreamFailed.length;
    case 'BatchQueued':
      return event.tasks.length * 2;
    case 'TasksDue':
    case 'TasksVisible':
    case 'TasksRemoved':
      return event.ids.length;
    default:
      return 0;
  }
}

/** Parts of a change too large for one envelope, each within the bounds. */
function cut(events: readonly DomainEvent[]): DomainEvent[][] {
  const parts: DomainEvent[][] = [];
  let part: DomainEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = EVENT_BYTES + roughSize(event);
    if (part.length > 0 && (part.length >= MAX_EVENTS || bytes + size > MAX_BYTES)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(event);
    bytes += size;
  }
  parts.push(part);
  return parts;
}
