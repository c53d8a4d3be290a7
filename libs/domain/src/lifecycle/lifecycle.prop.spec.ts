import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LeaseEnded, LeaseGranted, Outcome } from '../events/index.js';
import {
  joinState,
  leaseFact,
  ownerFact,
  queueFact,
  type OwnerEvent,
  type QueueFactEvent,
  type TaskFacts,
} from './facts.js';
import { isTerminal, type TaskState } from './task-state.js';
import { nextStates, type NamedAs } from './transitions.js';

const id = asTaskId('7');
type Said =
  | { stream: 'owner'; event: OwnerEvent; as: NamedAs }
  | { stream: 'queue'; event: QueueFactEvent }
  | { stream: 'lease'; event: LeaseGranted | LeaseEnded };

const owner = (event: OwnerEvent, as: NamedAs = 'subject'): Said => ({ stream: 'owner', event, as });
const queue = (event: QueueFactEvent): Said => ({ stream: 'queue', event });
const submitted = (dueAt: number | null, open: number): Said =>
  owner({
    type: 'TaskSubmitted',
    id,
    tenant: 1,
    user: 1,
    spec: 0,
    workflow: null,
    index: -1,
    rank: 0,
    parents: [],
    needs: [],
    open,
    dueAt,
    claim: null,
    sealed: {
      name: 't',
      key: null,
      labels: null,
      run: { script: null, scriptHash: null, command: ['true'], args: null, env: null, input: null },
    },
  });
const about = (attempt: number) => ({
  task: id,
  p: 0,
  tenant: 1,
  attempt,
  fence: attempt,
  worker: asWorkerId('w'),
});

/** A life as its streams tell it, in the order in which it came about. */
const life = fc
  .record({
    isDue: fc.boolean(),
    open: fc.nat(1),
    failures: fc.array(
      fc.constantFrom<Outcome>('app', 'lost', 'over-memory', 'infra', 'preempted', 'drained'),
      { maxLength: 4 },
    ),
    end: fc.constantFrom('succeeded', 'failed', 'cancelled-waiting', 'cancelled-running', 'upstream', 'open'),
  })
  .map(({ isDue, open, failures, end }): Said[] => {
    const said = [submitted(isDue ? null : 9, open)];
    if (open > 0 && end === 'upstream') {
      return [
        ...said,
        owner(
          {
            type: 'TaskFailed',
            id: asTaskId('1'),
            tenant: 1,
            attempt: 1,
            category: 'app',
            upstreamFailed: [id],
            sealed: null,
          },
          'upstreamFailed',
        ),
      ];
    }
    if (!isDue) said.push(owner({ type: 'TasksDue', ids: [id] }));
    if (open > 0)
      said.push(
        owner(
          { type: 'TaskSucceeded', id: asTaskId('1'), tenant: 1, attempt: 1, released: [id], sealed: null },
          'released',
        ),
      );
    if (end === 'cancelled-waiting')
      return [...said, owner({ type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] })];
    said.push(queue({ type: 'BatchQueued', batch: 1, batcherEpoch: 1, tasks: [] }));
    let attempt = 0;
    for (const outcome of failures) {
      attempt++;
      said.push({ stream: 'lease', event: { type: 'LeaseGranted', ...about(attempt), cls: 0, capMs: 1 } });
      said.push({
        stream: 'lease',
        event: { type: 'LeaseEnded', ...about(attempt), outcome, exitCode: null, usage: null, sealed: null },
      });
      said.push(queue({ type: 'TaskBackedOff', id, p: 0, attempt, category: outcome, until: 9 }));
      said.push(queue({ type: 'TasksVisible', ids: [id] }));
    }
    attempt++;
    said.push({ stream: 'lease', event: { type: 'LeaseGranted', ...about(attempt), cls: 0, capMs: 1 } });
    if (end === 'open' || end === 'upstream') return said;
    const outcome: Outcome = end === 'succeeded' ? 'ok' : end === 'failed' ? 'app' : 'cancelled';
    if (end === 'cancelled-running') said.push(owner({ type: 'CancelRequested', id, user: 1 }));
    said.push({
      stream: 'lease',
      event: { type: 'LeaseEnded', ...about(attempt), outcome, exitCode: 0, usage: null, sealed: null },
    });
    if (end === 'failed') said.push(queue({ type: 'TaskGivenUp', id, p: 0, attempt, category: 'app' }));
    if (end === 'succeeded')
      said.push(owner({ type: 'TaskSucceeded', id, tenant: 1, attempt, released: [], sealed: null }));
    else if (end === 'failed')
      said.push(
        owner({
          type: 'TaskFailed',
          id,
          tenant: 1,
          attempt,
          category: 'app',
          upstreamFailed: [],
          sealed: null,
        }),
      );
    else said.push(owner({ type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] }));
    return said;
  });

const nothing: TaskFacts = { owner: null, queue: null, lease: null };
function apply(facts: TaskFacts, said: Said): TaskFacts {
  switch (said.stream) {
    case 'owner':
      return { ...facts, owner: ownerFact(facts.owner, said.event, said.as) };
    case 'queue':
      return { ...facts, queue: queueFact(facts.queue, said.event) };
    case 'lease':
      return { ...facts, lease: leaseFact(facts.lease, said.event) };
  }
}

/** Another order of the same facts that keeps each stream's own. */
function interleave(said: readonly Said[], choices: Iterator<number>): Said[] {
  const streams = (['owner', 'queue', 'lease'] as const).map((name) => said.filter((s) => s.stream === name));
  const order: Said[] = [];
  while (order.length < said.length) {
    const open = streams.filter((s) => s.length > 0);
    order.push(open[(choices.next().value as number) % open.length]!.shift()!);
  }
  return order;
}

describe('the state of a task', () => {
  it('comes out the same from every interleaving that keeps the order of each stream', () => {
    fc.assert(
      fc.property(life, fc.infiniteStream(fc.nat(5)), (said, choices) => {
        const told = joinState(said.reduce(apply, nothing));
        expect(joinState(interleave(said, choices).reduce(apply, nothing))).toBe(told);
      }),
      { numRuns: 500 },
    );
  });

  it('never leaves an end, in whatever order the facts arrive', () => {
    fc.assert(
      fc.property(life, fc.infiniteStream(fc.nat(5)), (said, choices) => {
        let facts = nothing;
        let end: TaskState | null = null;
        for (const one of interleave(said, choices)) {
          facts = apply(facts, one);
          const state = joinState(facts);
          if (end !== null) expect(state).toBe(end);
          if (state !== null && isTerminal(state)) end = state;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('makes no step that the table does not have', () => {
    fc.assert(
      fc.property(life, (said) => {
        let facts = nothing;
        for (const one of said) {
          const from = joinState(facts);
          facts = apply(facts, one);
          const to = joinState(facts);
          const as = one.stream === 'owner' ? one.as : 'subject';
          expect(nextStates(from, one.event.type, as), `${from} -${one.event.type}-> ${to}`).toContain(to);
        }
      }),
      { numRuns: 500 },
    );
  });
});
