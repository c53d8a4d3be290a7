import { isTerminal, statusOf, TASK_STATES, TRANSITIONS, type TaskState } from '@yardmaster/domain';
import { code, table } from './markdown.js';

const MEANING: Readonly<Record<TaskState, string>> = {
  scheduled: 'due later',
  blocked: 'a parent has not ended',
  held: 'held by a person or a policy',
  awaiting_input: 'wants an approval or an event',
  ready: 'may be queued',
  queued: 'in a queue, visible',
  backing_off: 'failed; invisible until its next attempt',
  suspended: 'preempted or drained',
  starting: 'leased, not yet running',
  running: 'a worker holds its lease',
  cancelling: 'to be cancelled; a worker still holds its lease',
  succeeded: 'ended well',
  skipped: 'its branch was not taken',
  failed: 'attempts used up, or a permanent failure',
  upstream_failed: 'a task that it needs failed or was cancelled',
  cancelled: 'cancelled',
  expired: 'its latest start passed',
  dead: 'quarantined: it takes its workers down',
};

const reachable: ReadonlySet<TaskState> = new Set(TRANSITIONS.map(({ to }) => to));

export function stateTable(): string {
  const rows = TASK_STATES.map((state) => [
    code(state),
    code(statusOf(state)),
    MEANING[state],
    isTerminal(state) ? 'yes' : '',
    reachable.has(state) ? '' : 'reserved: nothing leads here yet',
  ]);
  return table(['state', 'status', 'meaning', 'ends the task', ''], rows);
}

export function transitionTable(): string {
  const rows = TRANSITIONS.map(({ from, event, as, to, when }) => [
    from === null ? '(new)' : code(from),
    code(event) +
      (as === 'released'
        ? ' of its last open parent'
        : as === 'upstreamFailed'
          ? ' of a task that it needs'
          : ''),
    when ?? '',
    code(to),
  ]);
  return table(['from', 'event', 'when', 'to'], rows);
}

/** The same as a picture; arrows that stay where they are, and cancellation from everywhere, are left to the table. */
export function transitionPicture(): string {
  const arrows = new Map<string, Set<string>>();
  for (const { from, event, to } of TRANSITIONS) {
    if (from === to || (event === 'TaskCancelled' && to === 'cancelled')) continue;
    const arrow = `${from ?? '[*]'} --> ${to}`;
    arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(event));
  }
  const lines = [...arrows].map(([arrow, events]) => `  ${arrow}: ${[...events].join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', ...lines, '  cancelling --> cancelled: TaskCancelled', '```'].join(
    '\n',
  );
}
