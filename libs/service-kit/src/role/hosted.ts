import type { Reply } from '@yardmaster/contracts';
import type { Envelope } from '@yardmaster/contracts';
import type { StreamWriter } from '../log/stream-writer.js';
import type { Role, RoleContext } from './role.js';
import { RoleRunner } from './role-runner.js';

/**
 * `restoring`: what it follows gathers in the inbox; `active`: it is the owner; `releasing`: it takes nothing new, and what it
 * decided is on its way to disk.
 */
export type HostedState = 'restoring' | 'active' | 'releasing';

/** One role that a host has or is taking. */
export class Hosted {
  readonly runner: RoleRunner;
  state: HostedState = 'restoring';
  writer: StreamWriter | null = null;
  context: RoleContext | null = null;
  wakeAt = Infinity;
  /** Envelopes that wait until what the role decided without them is proposed, or until it is restored. */
  inbox: Envelope[] = [];
  /** When the last accepted commit of this owner was sent, monotonic ms: when it was accepted, nobody here can tell. */
  provenAt = -Infinity;
  /** Nothing of it counts any more. */
  isClosed = false;
  serving: { stop(): void }[] = [];
  localSubjects: string[] = [];
  /** Commands that wait for their answer. */
  readonly answering = new Set<(reply: Reply<unknown>) => void>();

  constructor(
    readonly role: Role,
    /** Epoch at which the cluster manager gave it to this node; null = whatever follows the last one. */
    readonly assigned: number | null,
  ) {
    this.runner = new RoleRunner(role);
  }

  get name(): string {
    return this.role.name;
  }

  stopServing(): void {
    for (const serving of this.serving) serving.stop();
    this.serving = [];
  }

  /** Ends it; whoever waits for an answer hears `why`. */
  close(why: Reply<unknown>): void {
    this.isClosed = true;
    this.stopServing();
    for (const answer of this.answering) answer(why);
    this.answering.clear();
  }
}
