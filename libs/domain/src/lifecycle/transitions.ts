import type { EventType } from '../events/index.js';
import type { TaskState } from './task-state.js';

/** As what an event names the task: its subject, a child that it released, or one that needs what failed. */
export type NamedAs = 'subject' | 'released' | 'upstreamFailed';

export interface Transition {
  /** null = the task does not exist yet. */
  readonly from: TaskState | null;
  readonly event: EventType;
  readonly as: NamedAs;
  readonly to: TaskState;
  /** When the same event leads elsewhere too. */
  readonly when?: string;
}

/** Every way from one state to another. The lifecycle page, its picture and the model test are made of this. */
export const TRANSITIONS: readonly Transition[] = [
  { from: null, event: 'TaskSubmitted', as: 'subject', to: 'scheduled', when: 'due later' },
  { from: null, event: 'TaskSubmitted', as: 'subject', to: 'blocked', when: 'a parent is open' },
  { from: null, event: 'TaskSubmitted', as: 'subject', to: 'ready' },
  { from: 'scheduled', event: 'TasksDue', as: 'subject', to: 'blocked', when: 'a parent is open' },
  { from: 'scheduled', event: 'TasksDue', as: 'subject', to: 'ready' },
  { from: 'blocked', event: 'TaskSucceeded', as: 'released', to: 'ready' },
  { from: 'scheduled', event: 'TaskSucceeded', as: 'released', to: 'scheduled' },
  { from: 'ready', event: 'BatchQueued', as: 'subject', to: 'queued' },
  { from: 'queued', event: 'LeaseGranted', as: 'subject', to: 'running' },
  { from: 'queued', event: 'TasksRemoved', as: 'subject', to: 'ready' },
  ...(['scheduled', 'blocked', 'ready', 'queued'] as const).map((from): Transition => ({
    from,
    event: 'CancelRequested',
    as: 'subject',
    to: from,
    when: 'no attempt is under way: its end follows at once',
  })),
  ...(['queued', 'backing_off', 'suspended'] as const).map((from): Transition => ({
    from,
    event: 'CancelRequested',
    as: 'subject',
    to: 'cancelling',
    when: 'an attempt was made: its end follows at once',
  })),
  { from: 'running', event: 'CancelRequested', as: 'subject', to: 'cancelling' },
  { from: 'running', event: 'LeaseEnded', as: 'subject', to: 'running', when: 'ok' },
  { from: 'running', event: 'LeaseEnded', as: 'subject', to: 'cancelling', when: 'cancelled' },
  {
    from: 'running',
    event: 'LeaseEnded',
    as: 'subject',
    to: 'queued',
    when: 'withdrawn, void or superseded',
  },
  { from: 'running', event: 'LeaseEnded', as: 'subject', to: 'suspended', when: 'preempted or drained' },
  { from: 'running', event: 'LeaseEnded', as: 'subject', to: 'backing_off', when: 'failed or lost' },
  {
    from: 'cancelling',
    event: 'BatchQueued',
    as: 'subject',
    to: 'cancelling',
    when: 'the push crossed the cancel on its way',
  },
  { from: 'cancelling', event: 'TasksVisible', as: 'subject', to: 'cancelling' },
  {
    from: 'cancelling',
    event: 'TasksVisible',
    as: 'subject',
    to: 'queued',
    when: 'the queue had not heard of the cancel: its end follows at once',
  },
  ...(['queued', 'cancelling'] as const).map((from): Transition => ({
    from,
    event: 'LeaseGranted',
    as: 'subject',
    to: 'cancelling',
    when: 'the grant crossed the cancel on its way',
  })),
  { from: 'cancelling', event: 'LeaseEnded', as: 'subject', to: 'cancelling' },
  { from: 'cancelling', event: 'TaskBackedOff', as: 'subject', to: 'cancelling' },
  { from: 'cancelling', event: 'TaskGivenUp', as: 'subject', to: 'cancelling' },
  { from: 'cancelling', event: 'TasksRemoved', as: 'subject', to: 'cancelling' },
  { from: 'backing_off', event: 'TaskBackedOff', as: 'subject', to: 'backing_off' },
  { from: 'suspended', event: 'TaskBackedOff', as: 'subject', to: 'backing_off' },
  { from: 'queued', event: 'TaskBackedOff', as: 'subject', to: 'backing_off' },
  { from: 'backing_off', event: 'TasksVisible', as: 'subject', to: 'queued' },
  { from: 'suspended', event: 'TasksVisible', as: 'subject', to: 'queued' },
  { from: 'backing_off', event: 'TasksRemoved', as: 'subject', to: 'ready' },
  { from: 'suspended', event: 'TasksRemoved', as: 'subject', to: 'ready' },
  { from: 'backing_off', event: 'TaskGivenUp', as: 'subject', to: 'backing_off' },
  { from: 'suspended', event: 'TaskGivenUp', as: 'subject', to: 'backing_off' },
  { from: 'running', event: 'TaskSucceeded', as: 'subject', to: 'succeeded' },
  { from: 'backing_off', event: 'TaskFailed', as: 'subject', to: 'failed' },
  {
    from: 'backing_off',
    event: 'TaskFailed',
    as: 'subject',
    to: 'dead',
    when: 'it lost its worker again though it ran alone',
  },
  ...(['scheduled', 'blocked', 'ready', 'queued', 'suspended', 'running', 'cancelling'] as const).map(
    (from): Transition => ({
      from,
      event: 'TaskFailed',
      as: 'subject',
      to: 'failed',
      when: 'a person forced it to end',
    }),
  ),
  ...(
    ['scheduled', 'blocked', 'ready', 'queued', 'backing_off', 'suspended', 'running', 'cancelling'] as const
  ).map((from): Transition => ({ from, event: 'TaskCancelled', as: 'subject', to: 'cancelled' })),
  ...(['scheduled', 'blocked'] as const).flatMap((from): Transition[] => [
    { from, event: 'TaskFailed', as: 'upstreamFailed', to: 'upstream_failed' },
    { from, event: 'TaskCancelled', as: 'upstreamFailed', to: 'upstream_failed' },
  ]),
];

/** Where an event may lead; empty when it cannot apply in that state. */
export function nextStates(from: TaskState | null, event: EventType, as: NamedAs = 'subject'): TaskState[] {
  return TRANSITIONS.filter((t) => t.from === from && t.event === event && t.as === as).map((t) => t.to);
}
