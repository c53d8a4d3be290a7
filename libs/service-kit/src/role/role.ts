import type { DomainEvent, Envelope, Reply, SnapshotForm } from '@yardmaster/contracts';
import type { WorkerOutbox } from '../bus/worker-outbox.js';

/** Where an event came from: the stream, and the time and author of its envelope. */
export interface EventOrigin {
  readonly stream: string;
  readonly at: number;
  readonly node: string;
  readonly epoch: number;
}

/** Where a decision stands in the log. */
export interface LogPlace {
  readonly stream: string;
  readonly seq: number;
}

/** An envelope of the role's own stream that rests on something which a crash took away. */
export interface LostCause {
  /** Sequence of the own envelope. */
  readonly seq: number;
  readonly cause: { readonly stream: string; readonly seq: number };
}

/** What a role can do besides folding. All of it only while it is the owner. */
export interface RoleContext {
  readonly epoch: number;
  readonly node: string;
  /** Feature level of the cluster: nothing may be decided that comes with a later one. */
  readonly level: number;
  /** Time of the decisions being made: the time that their envelope will carry. */
  now(): number;
  /** In [0, 1), reproducible from the seed that the envelope records. */
  random(): number;
  /**
   * Appends a decision to the role's stream, all of it or nothing, and folds it at once. `effect` runs when it and everything
   * it rests on is on disk. `bytes`: rough size of sealed content, to keep envelopes small.
   */
  commit(events: readonly DomainEvent[], effect?: (place: LogPlace) => void, bytes?: number): void;
  /** Runs when everything that the role has applied so far is on disk; at once if it is. */
  effect(run: () => void): void;
  /** Asks for `advance` at this time (epoch ms) or earlier. */
  wakeAt(time: number): void;
  /** Messages to workers and gateways, sent together at the end of the turn. */
  readonly outbox: WorkerOutbox;
  /** Says something to another role: in this process if it lives here, else over NATS. */
  tell(subject: string, body: unknown): void;
}

export type CommandHandler = (body: never, ctx: RoleContext) => Promise<Reply<unknown>> | Reply<unknown>;
export type CommandHandlers = Readonly<Record<string, CommandHandler>>;
export type MessageHandlers = Readonly<Record<string, (body: never, ctx: RoleContext) => void>>;

/**
 * A duty with one owner. State is plain data, folded from events by `apply`; what is to be done follows from the state in
 * `advance`, so a restart goes on where the last owner stopped.
 */
export interface Role {
  readonly name: string;
  /** The stream that only this role writes; null for a role whose receiver fences it. */
  readonly stream: string | null;
  readonly follows: readonly string[];
  /** Commands that it answers while it is the owner, by subject; statements by other roles come the same way, unanswered. */
  readonly serves?: CommandHandlers;
  /** Streams of messages without answers, by subject. */
  readonly hears?: MessageHandlers;
  /** Events of a followed envelope that this role looks at; left out: all. */
  concerns?(envelope: Envelope): readonly DomainEvent[];
  /** How what it folded is written and read; left out: it is folded from the first event each time. */
  readonly snapshot?: SnapshotForm;
  /** Pure and total: never throws, ignores what cannot be. */
  apply(event: DomainEvent, from: EventOrigin): void;
  /** Once, as the new owner, before anything else: repair what a crash left. */
  takeOver?(ctx: RoleContext, lost: readonly LostCause[]): void;
  /** Decides what the state asks for. Called after every change and at the times asked for. */
  advance(ctx: RoleContext): void;
}

/** The part of a role that is folded from the log. */
export type Folding = Pick<Role, 'name' | 'stream' | 'follows' | 'concerns' | 'snapshot' | 'apply'>;
