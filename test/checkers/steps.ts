import {
  type DomainEvent,
  isTerminal,
  joinState,
  type LeaseEnded,
  type LeaseGranted,
  leaseFact,
  type NamedAs,
  nextStates,
  type OwnerEvent,
  ownerFact,
  queueFact,
  type QueueFactEvent,
  type TaskFacts,
} from '@yardmaster/domain';
import { causalOrder, hasLostCauses } from './causal-order.js';
import type { LogRecord } from './log-record.js';

type Said =
  | { readonly stream: 'owner'; readonly event: OwnerEvent; readonly as: NamedAs }
  | { readonly stream: 'queue'; readonly event: QueueFactEvent }
  | { readonly stream: 'lease'; readonly event: LeaseGranted | LeaseEnded };

function saidOf(event: DomainEvent): [id: string, said: Said][] {
  switch (event.type) {
    case 'TaskSubmitted':
    case 'CancelRequested':
      return [[event.id, { stream: 'owner', event, as: 'subject' }]];
    case 'TasksDue':
      return event.ids.map((id) => [id, { stream: 'owner', event, as: 'subject' }]);
    case 'TaskSucceeded':
      return [
        [event.id, { stream: 'owner', event, as: 'subject' }],
        ...event.released.map((id): [string, Said] => [id, { stream: 'owner', event, as: 'released' }]),
      ];
    case 'TaskFailed':
    case 'TaskCancelled':
      return [
        [event.id, { stream: 'owner', event, as: 'subject' }],
        ...event.upstreamFailed.map((id): [string, Said] => [
          id,
          { stream: 'owner', event, as: 'upstreamFailed' },
        ]),
      ];
    case 'BatchQueued':
      return event.tasks.map(({ id }) => [id, { stream: 'queue', event }]);
    case 'TaskBackedOff':
    case 'TaskGivenUp':
      return [[event.id, { stream: 'queue', event }]];
    case 'TasksVisible':
    case 'TasksRemoved':
      return event.ids.map((id) => [id, { stream: 'queue', event }]);
    case 'LeaseGranted':
    case 'LeaseEnded':
      return [[event.task, { stream: 'lease', event }]];
    default:
      return [];
  }
}

/**
 * I17: every step of every task is one of the table, in an order that keeps causes. Where causes were lost there is no such
 * order: then only an end must stay an end.
 */
export function faultsOfSteps(log: LogRecord): string[] {
  const faults: string[] = [];
  const isWhole = !hasLostCauses(log);
  const known = new Map<string, TaskFacts>();
  const nothing: TaskFacts = { owner: null, queue: null, lease: null };
  for (const envelope of causalOrder(log)) {
    for (const event of envelope.events) {
      for (const [id, said] of saidOf(event)) {
        const before = known.get(id) ?? nothing;
        const after = step(before, said);
        known.set(id, after);
        if (before.owner === null && said.stream !== 'owner') continue;
        const from = joinState(before);
        const to = joinState(after);
        if (from !== null && isTerminal(from)) {
          if (to !== from) faults.push(`I17 ${id}: ${from} was left by ${said.event.type} for ${String(to)}`);
        } else if (
          isWhole &&
          to !== null &&
          !nextStates(from, said.event.type, said.stream === 'owner' ? said.as : 'subject').includes(to)
        ) {
          faults.push(
            `I17 ${id}: ${String(from)} -${said.event.type}${said.stream === 'owner' ? ` as ${said.as}` : ''}-> ${to} at ${envelope.stream} ${String(envelope.seq)}`,
          );
        }
      }
    }
  }
  return faults;
}

function step(facts: TaskFacts, said: Said): TaskFacts {
  switch (said.stream) {
    case 'owner':
      return { ...facts, owner: ownerFact(facts.owner, said.event, said.as) };
    case 'queue':
      return { ...facts, queue: queueFact(facts.queue, said.event) };
    case 'lease':
      return { ...facts, lease: leaseFact(facts.lease, said.event) };
  }
}
