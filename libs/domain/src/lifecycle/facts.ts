import type {
  LeaseEnded,
  LeaseGranted,
  Outcome,
  QueueEvent,
  TaskEvent,
  TaskSubmitted,
} from '../events/index.js';
import type { TaskState } from './task-state.js';
import type { NamedAs } from './transitions.js';

/** How far a task is, as one stream tells it. */
export type Phase =
  | 'scheduled'
  | 'blocked'
  | 'ready'
  | 'queued'
  | 'running'
  | 'attempt-ended'
  | 'backing_off'
  | 'given-up'
  | 'visible'
  | 'removed'
  | 'succeeded'
  | 'failed'
  | 'upstream_failed'
  | 'cancelled'
  | 'dead';

/** Order of the phases within one attempt. An end told by the owner is above everything of its life. */
export const PHASE_RANK: Readonly<Record<Phase, number>> = {
  scheduled: 0,
  blocked: 1,
  ready: 2,
  queued: 3,
  running: 4,
  'attempt-ended': 5,
  backing_off: 6,
  visible: 7,
  'given-up': 8,
  removed: 9,
  upstream_failed: 100,
  cancelled: 100,
  failed: 100,
  dead: 100,
  succeeded: 100,
};
const TERMINAL_RANK = 100;

/** The last thing a stream said about a task. Each stream's facts are kept apart, in its own order, and only
 * compared when the state is asked for. */
export interface Fact {
  readonly life: number;
  /** The attempt it is about; 0 before the first. */
  readonly attempt: number;
  readonly phase: Phase;
  /** How the attempt ended, for `attempt-ended`. */
  readonly outcome: Outcome | null;
}

export interface OwnerFact extends Fact {
  readonly isDue: boolean;
  readonly hasOpenParents: boolean;
  readonly isCancelRequested: boolean;
}

/** Events of the owner's stream that tell something about a task. */
export type OwnerEvent = Exclude<
  TaskEvent,
  { type: 'OwnerTookOver' | 'SegmentArchived' | 'SpecDefined' | 'WorkflowSubmitted' | 'WorkflowEnded' }
>;
export type QueueFactEvent = Exclude<
  QueueEvent,
  { type: 'OwnerTookOver' | 'SegmentArchived' | 'ClassDefined' | 'QueuePaused' | 'QueueLeaseTtlSet' }
>;

export function submittedFact({ dueAt, open }: Pick<TaskSubmitted, 'dueAt' | 'open'>, life = 1): OwnerFact {
  return waiting({ life, isDue: dueAt === null, hasOpenParents: open > 0, isCancelRequested: false });
}

/** What the owner's stream says after one more of its events. What comes after the end changes nothing. */
export function ownerFact(
  before: OwnerFact | null,
  event: OwnerEvent,
  as: NamedAs = 'subject',
): OwnerFact | null {
  if (event.type === 'TaskSubmitted') return before ?? submittedFact(event);
  if (before === null || isEnd(before)) return before;
  if (as === 'released') return waiting({ ...before, hasOpenParents: false });
  if (as === 'upstreamFailed') return { ...before, phase: 'upstream_failed' };
  switch (event.type) {
    case 'TasksDue':
      return waiting({ ...before, isDue: true });
    case 'CancelRequested':
      return { ...before, isCancelRequested: true };
    case 'TaskSucceeded':
      return { ...before, attempt: event.attempt, phase: 'succeeded' };
    case 'TaskFailed':
      return { ...before, attempt: event.attempt, phase: event.dead === true ? 'dead' : 'failed' };
    case 'TaskCancelled':
      return { ...before, phase: 'cancelled' };
  }
}

function waiting(of: Pick<OwnerFact, 'life' | 'isDue' | 'hasOpenParents' | 'isCancelRequested'>): OwnerFact {
  const phase = !of.isDue ? 'scheduled' : of.hasOpenParents ? 'blocked' : 'ready';
  const { life, isDue, hasOpenParents, isCancelRequested } = of;
  return { life, attempt: 0, phase, outcome: null, isDue, hasOpenParents, isCancelRequested };
}

export function queueFact(before: Fact | null, event: QueueFactEvent): Fact {
  const life = before?.life ?? 1;
  const attempt = before?.attempt ?? 0;
  switch (event.type) {
    case 'BatchQueued':
      return { life, attempt, phase: attempt === 0 ? 'queued' : 'visible', outcome: null };
    case 'TaskBackedOff':
      return { life, attempt: event.attempt, phase: 'backing_off', outcome: null };
    case 'TasksVisible':
      return { life, attempt, phase: 'visible', outcome: null };
    case 'TaskGivenUp':
      return { life, attempt: event.attempt, phase: 'given-up', outcome: null };
    case 'TasksRemoved':
      return { life, attempt, phase: 'removed', outcome: null };
  }
}

export function leaseFact(before: Fact | null, event: LeaseGranted | LeaseEnded): Fact {
  const life = before?.life ?? 1;
  if (event.type === 'LeaseGranted') return { life, attempt: event.attempt, phase: 'running', outcome: null };
  // The end of an earlier attempt says nothing about the present one.
  if (before !== null && before.attempt > event.attempt) return before;
  return { life, attempt: event.attempt, phase: 'attempt-ended', outcome: event.outcome };
}

function isEnd(fact: Fact): boolean {
  return PHASE_RANK[fact.phase] === TERMINAL_RANK;
}

/** What the three streams said last about one task. */
export interface TaskFacts {
  readonly owner: OwnerFact | null;
  readonly queue: Fact | null;
  readonly lease: Fact | null;
}

/** The task's state: the highest fact by (life, attempt, phase), whichever came first, under the owner's end. */
export function joinState({ owner, queue, lease }: TaskFacts): TaskState | null {
  let top: Fact | null = owner;
  if (owner === null || !isEnd(owner) || isLaterLife(queue, owner) || isLaterLife(lease, owner)) {
    top = higher(higher(top, queue), lease);
  }
  if (top === null) return null;
  const isCancelRequested = owner?.isCancelRequested === true && owner.life === top.life;
  return stateOf(top, isCancelRequested);
}

function isLaterLife(fact: Fact | null, owner: OwnerFact): boolean {
  return fact !== null && fact.life > owner.life;
}

function higher(a: Fact | null, b: Fact | null): Fact | null {
  if (a === null || b === null) return a ?? b;
  if (a.life !== b.life) return a.life > b.life ? a : b;
  if (a.attempt !== b.attempt) return a.attempt > b.attempt ? a : b;
  return PHASE_RANK[b.phase] > PHASE_RANK[a.phase] ? b : a;
}

function stateOf(fact: Fact, isCancelRequested: boolean): TaskState {
  switch (fact.phase) {
    case 'running':
      return isCancelRequested ? 'cancelling' : 'running';
    case 'attempt-ended':
      return isCancelRequested ? 'cancelling' : afterAttempt(fact.outcome);
    case 'backing_off':
    case 'given-up':
      return isCancelRequested ? 'cancelling' : 'backing_off';
    case 'visible':
      return 'queued';
    case 'removed':
      return 'ready';
    default:
      return fact.phase;
  }
}

/** Between the end of an attempt and what the queue or the owner makes of it. */
function afterAttempt(outcome: Outcome | null): TaskState {
  switch (outcome) {
    case 'ok':
    case null:
      return 'running';
    case 'cancelled':
      return 'cancelling';
    case 'preempted':
    case 'drained':
      return 'suspended';
    case 'withdrawn':
    case 'void':
    case 'superseded':
      return 'queued';
    default:
      return 'backing_off';
  }
}
